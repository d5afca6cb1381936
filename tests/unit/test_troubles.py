from portconf.watching.troubles import GRACE, Troubles


def test_what_goes_wrong_is_said_when_it_has_gone_wrong_twice_and_once():
    troubles = Troubles()

    said = [troubles.failed(text) for text in ("a", "b", "b", "b", "a", "b", "a", "a")]

    # "b" comes back after one other look: it is no news.
    assert said == [False, False, True, False, False, False, False, True]


def test_that_it_is_over_is_said_only_where_the_trouble_was():
    troubles = Troubles()
    troubles.failed("a")
    unsaid = troubles.succeeded()
    troubles.failed("a")
    troubles.failed("a")

    assert not unsaid
    assert troubles.succeeded()
    assert not troubles.succeeded()


def test_a_folder_that_is_confirmed_gone_is_waited_for_a_minute():
    troubles = Troubles()

    said = [troubles.gone("/r", None, now=t) for t in (0, 1, 2, GRACE - 1)]

    assert said == [
        "",
        "/r is gone: its return is waited for, 60 s at the most",
        "",
        "",
    ]
    assert not troubles.over
    assert troubles.gone("/r", None, now=GRACE) == (
        "/r is gone for good: nothing is left to watch"
    )
    assert troubles.over


def test_a_folder_whose_drive_may_be_missing_is_waited_for():
    troubles = Troubles()

    said = [troubles.gone("/r", "its drive is gone", now=t) for t in (0, 1, 1e6)]

    assert said == [
        "",
        "/r is gone: its return is waited for, as its drive is gone",
        "",
    ]
    assert not troubles.over


def test_a_folder_that_came_back_has_its_minute_again():
    troubles = Troubles()
    troubles.gone("/r", None, now=0)
    troubles.succeeded()

    troubles.gone("/r", None, now=GRACE)

    assert not troubles.over
