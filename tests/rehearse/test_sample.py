"""The sample of sql/webui_sessions: there, back, and there again."""

from tests.rehearse.playing import Stage
from tests.webui import legacy
from tests.webui.data import SERIES


def test_the_sample_ends_as_it_was_and_stays_untouched(stage: Stage) -> None:
    stage.each(legacy.build_sample)
    done = stage.command(SERIES)
    assert (done.returncode, done.stdout.count("FAILED")) == (0, 0), done.stdout + done.stderr
    assert "    ok      the database is as it was before 0034_merge_webui_sessions\n" in done.stdout
    assert "    ok      schema and numbers of rows are those of the first time\n" in done.stdout
    assert done.stdout.endswith("the database is as it was before 0034_merge_webui_sessions\n")


def test_the_14_and_97_end_as_they_were(stage: Stage) -> None:
    stage.each(legacy.build_numbers)
    found = stage.play(SERIES)
    assert (found.failures, found.differences, found.again_differences) == ((), (), ())
    assert [step.title for step in found.undone] == ["0034_merge_webui_sessions"]
    brought = {account.name: account.inserted for account in found.steps[-1].merges}
    assert sorted(brought.values()) == [2, 97]


def test_what_cannot_be_rolled_back_is_named(stage: Stage) -> None:
    stage.each(legacy.build_sample)
    found = stage.play(SERIES)
    reason = "irreversible: a trigger that fails always is not worth restoring"
    held = [("0035_drop_webui_legacy", "held back: 14 days after 34, and sessmig has not applied 34")]
    expected = held + ([] if stage.is_postgres else [("the rollback of 0033_repair_broken_triggers", reason)])
    assert [(missing.subject, missing.reason) for missing in found.unrehearsed] == expected
    assert found.before == "0034_merge_webui_sessions"
