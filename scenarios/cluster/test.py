"""The manifests, the image's recipe and the examples in YAML of the documents: each as its own
tool wants it, and the manifests' commands done, shard for shard.

Usage: test.py BIN, with what requirements.txt names on the PATH.
"""

import filecmp
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MANIFESTS = sorted((HERE / "kubernetes").glob("*.yaml"))
RECIPE = HERE / "Containerfile"
CHAOS = str(Path(sys.argv[1], "chaos").resolve())
# The oldest whose API has all that the manifests say, and the newest known.
KUBERNETES = ["1.29", "1.37"]


def refused(command, text, suffix):
    """What the tool says of a file with this text, which it must not like."""
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
        file.write(text)
        file.flush()
        done = subprocess.run([*command, file.name], capture_output=True, text=True)
    assert done.returncode != 0, f"{command[0]} lets everything pass:\n{text}"
    return done.stdout + done.stderr


def validate(command, path):
    done = subprocess.run([*command, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, f"{path}:\n{done.stdout}{done.stderr}"


def jobs():
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] == "Job":
                yield path, document


def test_manifests_are_what_the_api_takes():
    for version in KUBERNETES:
        tool = ["kubernetes-validate", "--strict", "--kubernetes-version", version]
        for path in MANIFESTS:
            validate(tool, path)
        text = (HERE / "kubernetes/run.yaml").read_text()
        wrong = refused(tool, text.replace("completionMode", "completionMood"), ".yaml")
        assert "completionMood" in wrong, wrong


def test_no_pod_has_more_rights_than_it_needs():
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    seen = 0
    for path, job in jobs():
        pod = job["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, path
        assert pod["automountServiceAccountToken"] is False, path
        for container in pod["containers"]:
            seen += 1
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True, path
            assert rights["allowPrivilegeEscalation"] is False, path
            assert rights["capabilities"] == {"drop": ["ALL"]}, path
            assert container["image"].endswith(f":{version}"), f"{path}: of version {version}"
            user = f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
            assert user in RECIPE.read_text().splitlines(), f"{path}: {user} is not the recipe's"
    assert seen >= 2, seen


def test_the_recipe_is_as_its_linter_wants_it():
    tool = ["hadolint", "--no-color", "--failure-threshold", "style"]
    validate(tool, RECIPE)
    wrong = RECIPE.read_text().replace("rust:1.88-alpine3.22", "rust:latest")
    assert "DL3007" in refused(tool, wrong, ".Containerfile")


def test_the_recipe_takes_what_cargo_needs():
    text = RECIPE.read_text()
    taken = {word.rstrip("/") for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.M) for word in line.split()}
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    for name in ["Cargo.toml", "Cargo.lock", *(member.split("/")[0] for member in members)]:
        assert name in taken, f"{RECIPE}: {name} is not copied"
    for name in taken:
        assert (ROOT / name).exists(), f"{RECIPE}: there is no {name}"
    minimum = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    assert f"rust:{minimum}-" in text, f"{RECIPE}: not Rust {minimum}"


def test_every_indexed_job_says_how_many_shards_there_are():
    indexed = [(path, job["spec"]) for path, job in jobs() if "completions" in job["spec"]]
    assert len(indexed) >= 2, indexed
    for path, spec in indexed:
        env = {entry["name"]: entry["value"] for entry in spec["template"]["spec"]["containers"][0]["env"]}
        said = spec["completionMode"], spec["completions"], spec["parallelism"]
        count = int(env["CHAOS_SHARDS"])
        assert said == ("Indexed", count, count), f"{path}: {said}, and CHAOS_SHARDS is {count}"


def container_of(name):
    for _, job in jobs():
        if job["metadata"]["name"] == name:
            return job["spec"], job["spec"]["template"]["spec"]["containers"][0]
    raise AssertionError(f"no job {name}")


def command(container, folders, index=None):
    """The container's command line and environment, as a node makes them."""
    env = {entry["name"]: entry["value"] for entry in container.get("env", [])}
    if index is not None:
        env["JOB_COMPLETION_INDEX"] = str(index)
    words = []
    for word in container["args"]:
        word = re.sub(r"\$\((\w+)\)", lambda found: env[found[1]], word)
        for mounted, folder in folders.items():
            word = re.sub(rf"(^|=){mounted}(?=/|$)", rf"\g<1>{folder}", word)
        words.append(word)
    return words, env


def equal(one, other):
    compared = filecmp.dircmp(one, other, ignore=[])
    assert not compared.left_only + compared.right_only + compared.funny_files, compared.report()
    _, different, errors = filecmp.cmpfiles(one, other, compared.common_files, shallow=False)
    assert not different + errors, (one, different, errors)
    for folder in compared.common_dirs:
        equal(Path(one, folder), Path(other, folder))


def config_map(folder, texts):
    """A folder of files as a ConfigMap is mounted: links to links."""
    data = folder / "..2000_01_01"
    data.mkdir(parents=True)
    (folder / "..data").symlink_to(data.name)
    for name, text in texts.items():
        (data / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")


def test_the_commands_of_the_jobs_do_what_one_run_does():
    catalogue = sorted((ROOT / "scenarios/catalogue").glob("R0*.toml"))
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        folders = {"/suite": place / "suite", "/results": place / "results"}
        config_map(folders["/suite"], {path.name: path.read_text() for path in catalogue})
        folders["/results"].mkdir()

        def run(words, env):
            done = subprocess.run([CHAOS, *words], env={**clean(), **env}, capture_output=True, text=True, cwd="/")
            assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"

        spec, container = container_of("chaos")
        for index in range(spec["completions"]):
            run(*command(container, folders, index))
        _, merge = container_of("chaos-merge")
        run(*command(merge, folders))
        run(["run", str(folders["/suite"]), "--time=virtual", f"--out={place / 'one'}"], {})
        equal(place / "results/merged", place / "one")


def clean():
    """Our environment without what says which shard we are ourselves."""
    engines = r"^(CI_NODE|CIRCLE_NODE|BUILDKITE_PARALLEL|SLURM_|JOB_COMPLETION|CHAOS_)"
    return {name: value for name, value in os.environ.items() if not re.match(engines, name)}


SCHEMAS = {
    "vendor.github-workflows": (r"^on:", ("runs-on", "runs-in")),
    "vendor.gitlab-ci": (r"^ *script:", ("script:", "skript:")),
    "vendor.compose-spec": (r"^services:", ("environment:", "environments:")),
}


def examples():
    """Each example in YAML of the documents, with the schema that is its."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for example in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S):
            of = [schema for schema, (mark, _) in SCHEMAS.items() if re.search(mark, example, re.M)]
            assert of, f"{page}: of no schema:\n{example}"
            yield of[0], example


def pipelines():
    return [(schema, example) for schema, example in examples() if schema != "vendor.compose-spec"]


def test_the_examples_are_what_their_hosts_take():
    schemas = [schema for schema, _ in examples()]
    assert [schemas.count(schema) for schema in SCHEMAS] == [2, 2, 1], schemas
    for schema, example in examples():
        tool = ["check-jsonschema", "--builtin-schema", schema]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(example)
            file.flush()
            validate(tool, file.name)
        refused(tool, example.replace(*SCHEMAS[schema][1]), ".yaml")


def test_the_variables_of_the_compose_file_are_there():
    example = next(example for schema, example in examples() if schema == "vendor.compose-spec")
    names = yaml.safe_load(example)["services"]["chaos"]["environment"]
    help_of = subprocess.run([str(Path(CHAOS).with_name("chaos-proxy")), "--help"], capture_output=True, text=True, check=True).stdout
    assert len(names) == 3, names
    for name in names:
        assert f"[env: {name}=" in help_of, f"chaos-proxy has no {name}"


def test_the_flags_of_pipelines_and_manifests_are_there():
    commands = [line.split("chaos ", 1)[1] for _, example in pipelines() for line in example.splitlines()
                if re.search(r"\bchaos (run|merge) ", line)]
    commands = [(CHAOS, line.split()) for line in commands]
    for _, job in jobs():
        container = job["spec"]["template"]["spec"]["containers"][0]
        program = Path(container.get("command", ["chaos"])[0]).name
        commands.append((str(Path(CHAOS).with_name(program)), container["args"]))
    assert len(commands) >= 8, commands
    for program, words in commands:
        verb = words[:1] if re.fullmatch(r"[a-z]+", words[0]) else []
        help_of = subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=True).stdout
        for flag in re.findall(r"(?<!\S)--[a-z-]+", " ".join(words)):
            assert flag in help_of, f"{program} has no {flag}: {words}"


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        test()
        print(f"  {name[5:].replace('_', ' ')}")
    print(f"{len(tests)} passed, 0 failed")


main()
