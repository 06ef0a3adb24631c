"""Ideators from Python: functions of the caller, and what becomes of what they raise."""
import json

import pytest

import aire
from conftest import diff
from test_loop import fake_run


class Mine(Exception):
    """An exception that the library knows nothing of."""


def fail(*_):
    raise Mine("here")


def ideas_of(ctx, *texts):
    return aire.HostIdeator(ctx, lambda plan: [aire.Idea(ctx, text) for text in texts])


def texts(ideas):
    return [idea.text for idea in ideas]


def plan(ctx, count=2):
    return aire.Plan(ctx, "fresh", count)


def test_exception_of_an_ideator_comes_back_as_it_is(ctx):
    error = Mine("here", 7)

    def propose(plan):
        raise error

    ideator = aire.HostIdeator(ctx, propose)
    for _ in range(2):
        with pytest.raises(Mine) as caught:
            ideator.propose(plan(ctx))
        assert caught.value is error
        assert any(entry.name == "propose" for entry in caught.traceback)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit, aire.NetworkError])
def test_exceptions_of_all_kinds_come_back(ctx, error):
    def propose(plan):
        raise error(-1, "mine") if error is aire.NetworkError else error("mine")

    with pytest.raises(error):
        aire.HostIdeator(ctx, propose).propose(plan(ctx))


def test_exception_while_ideas_are_made_comes_back(ctx):
    def propose(plan):
        yield aire.Idea(ctx, "one")
        raise Mine("after one")

    with pytest.raises(Mine, match="after one"):
        aire.HostIdeator(ctx, propose).propose(plan(ctx))
    with pytest.raises((TypeError, AttributeError)):
        aire.HostIdeator(ctx, lambda plan: ["no idea"]).propose(plan(ctx))
    with pytest.raises(TypeError):
        aire.HostIdeator(ctx, lambda plan: None).propose(plan(ctx))


def test_an_exception_is_forgotten_by_the_next_call(ctx):
    answers = iter([fail, lambda: [aire.Idea(ctx, "fine")]])
    ideator = aire.HostIdeator(ctx, lambda plan: next(answers)())
    with pytest.raises(Mine):
        ideator.propose(plan(ctx))
    assert texts(ideator.propose(plan(ctx))) == ["fine"]


def test_exception_comes_back_through_ideators_around_it(ctx):
    inner = aire.HostIdeator(ctx, fail)
    for ideator in (aire.NoveltyIdeator(ctx, inner), aire.SuppliedIdeator(ctx, inner, ideas=[]),
                    aire.NoveltyIdeator(ctx, aire.SuppliedIdeator(ctx, inner, ideas=[aire.Idea(ctx, "one")]))):
        with pytest.raises(Mine, match="here"):
            ideator.propose(plan(ctx))


def test_exception_of_a_model_comes_back_through_an_ideator(ctx, env):
    model = aire.HostModel(ctx, "mine", fail)
    for ideator in (aire.ChatIdeator(ctx, env, model), aire.SchemaIdeator(ctx, env, model)):
        with pytest.raises(Mine, match="here"):
            ideator.propose(plan(ctx))
    with pytest.raises(Mine, match="here"):
        model.complete([("user", "hello")])


def test_novelty_drops_and_tells(ctx):
    told = []
    ideator = aire.NoveltyIdeator(ctx, ideas_of(ctx, "Warm up, slowly!", "cool down"),
                                  alike=lambda idea, earlier, how: told.append((idea.text, earlier.text, how)))
    ideator.add(aire.Idea(ctx, "warm up slowly"))
    assert texts(ideator.propose(plan(ctx))) == ["cool down"]
    assert told == [("Warm up, slowly!", "warm up slowly", "same text")]


def test_novelty_asks_for_similarity(ctx):
    ideator = aire.NoveltyIdeator(ctx, ideas_of(ctx, "one", "two"), similarity=lambda a, b: 1.0)
    assert texts(ideator.propose(plan(ctx))) == ["one"]
    for arguments in ({"similarity": fail}, {"alike": fail}):
        ideator = aire.NoveltyIdeator(ctx, ideas_of(ctx, "same", "same" if "alike" in arguments else "else"), **arguments)
        with pytest.raises(Mine, match="here"):
            ideator.propose(plan(ctx))


def test_supplied_ideas_come_first(ctx, tmp_path):
    path = tmp_path / "ideas.jsonl"
    path.write_text(json.dumps({"text": "mine"}) + "\n")
    for ideator in (aire.SuppliedIdeator(ctx, ideas_of(ctx, "other"), path=path),
                    aire.SuppliedIdeator(ctx, ideas_of(ctx, "other"), ideas=[aire.Idea(ctx, "mine")])):
        assert texts(ideator.propose(plan(ctx))) == ["mine", "other"]
        assert texts(ideator.propose(plan(ctx))) == ["other"]
    with pytest.raises(aire.InvalidError):
        aire.SuppliedIdeator(ctx)


def test_schema_ideator_chooses_knobs(ctx, env):
    model = aire.HostModel(ctx, "small", lambda messages: '{"ideas": [{"why": "closer", "x": 3}, {"x": 99}]}')
    ideas = aire.SchemaIdeator(ctx, env, model).propose(plan(ctx))
    assert [idea.patch.diff for idea in ideas] == [diff(3)]


def test_templates_and_notes(ctx, env, tmp_path):
    asked = []

    def complete(messages):
        asked.append(messages[0][1])
        return "[Experiment] Set x to 3 [Code Changes] In params.txt. [End]"

    templates = tmp_path / "prompts"
    templates.mkdir()
    fresh = templates / "fresh.txt"
    fresh.write_text("Mine.\n{{problem}}\n{{code}}\n{{avoid}}\n{{notes}}\nGive {{ideas}}.\n{{form}}\n")
    ideator = aire.ChatIdeator(ctx, env, aire.HostModel(ctx, "mine", complete), template_dir=templates)
    ideator.set_notes("Three is good.")
    assert texts(ideator.propose(plan(ctx))) == ["Set x to 3"]
    assert asked[0].startswith("Mine.\n## Goal") and "Three is good." in asked[0] and "Give 2 ideas." in asked[0]
    fresh.write_text("{{cod}}")
    with pytest.raises(aire.FormatError, match=r"fresh.txt, line 1: .*\{\{cod\}\}"):
        aire.ChatIdeator(ctx, env, aire.HostModel(ctx, "mine", complete), template_dir=templates)


def test_notes_are_asked_for_after_so_many_results(ctx, env, store):
    answers = iter(["Three is best.", fail])
    asked = []

    def complete(messages):
        asked.append(messages[0][1])
        answer = next(answers)
        return answer if isinstance(answer, str) else answer()

    ideator = aire.ChatIdeator(ctx, env, aire.HostModel(ctx, "mine", complete), notes_every=2)
    executor = aire.Executor(ctx, env, aire.HostSandbox(ctx, fake_run), store, workers=1)
    for x in (3, 4):
        executor.submit(aire.Idea(ctx, f"Set x to {x}.", patch=aire.Patch(ctx, diff(x))))
    results = list(executor.results())
    assert [ideator.tell(result) for result in results] == [None, "Three is best."]
    assert "Set x to 3." in asked[0] and "Set x to 4." in asked[0]
    assert ideator.tell(results[0]) is None
    with pytest.raises(Mine, match="here"):
        ideator.tell(results[1])
