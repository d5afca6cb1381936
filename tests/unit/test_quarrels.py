from portconf.watching.quarrels import LEAVE, Quarrels


def test_a_file_that_somebody_else_writes_too_is_left_alone_for_a_minute():
    quarrels = Quarrels()

    said = [quarrels.undone([".env", f"{now}"], now=now) for now in range(8)]

    assert said == [*[()] * 7, (".env",)]
    assert quarrels.left(8) == {".env"}
    assert [quarrels.undone([".env"], now=8 + n) for n in range(9)] == [()] * 9
    assert quarrels.left(7 + LEAVE) == frozenset()
    assert quarrels.undone([".env"], now=7 + LEAVE) == ()


def test_who_writes_now_and_then_quarrels_with_nobody():
    quarrels = Quarrels()

    for now in range(0, 1000, 5):
        assert quarrels.undone([".env"], now=now) == ()


def test_of_files_that_nobody_writes_any_more_nothing_is_kept():
    quarrels = Quarrels()

    for now in range(1000):
        quarrels.undone([f"{now}"], now=now)

    assert len(quarrels._undone) < 30
