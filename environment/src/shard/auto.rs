//! `--shard auto`: which shard this is, as the engine says that began it.
//!
//! - GitLab CI sets `CI_NODE_INDEX`, from 1, and `CI_NODE_TOTAL` (`parallel`).
//! - CircleCI sets `CIRCLE_NODE_INDEX`, from 0, and `CIRCLE_NODE_TOTAL`.
//! - Buildkite sets `BUILDKITE_PARALLEL_JOB`, from 0, and
//!   `BUILDKITE_PARALLEL_JOB_COUNT`.
//! - Slurm's arrays set `SLURM_ARRAY_TASK_ID`, `…_MIN`, `…_STEP` and `…_COUNT`.
//! - Kubernetes' Indexed Jobs set `JOB_COMPLETION_INDEX`, from 0, and not how
//!   many there are: the manifest says it again as `CHAOS_SHARDS`.

use super::{Shard, ShardError};

/// Nobody says which shard this is, or what is said makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AutoError {
    /// No engine's variables are there.
    #[error(
        "auto: nothing says which shard this is; GitLab (CI_NODE_INDEX), CircleCI (CIRCLE_NODE_INDEX), Buildkite (BUILDKITE_PARALLEL_JOB), Slurm arrays (SLURM_ARRAY_TASK_ID) and Kubernetes' indexed jobs (JOB_COMPLETION_INDEX with CHAOS_SHARDS) do"
    )]
    Unset,
    /// One of two is missing.
    #[error("auto: {index} is set, and {missing} is not: it says how many there are")]
    Uncounted {
        /// What is there.
        index: &'static str,
        /// What is needed.
        missing: &'static str,
    },
    /// No number.
    #[error("auto: {name} is `{value}`, and no number")]
    NoNumber {
        /// Which variable.
        name: &'static str,
        /// What is in it.
        value: String,
    },
    /// Numbers of no shard.
    #[error("auto: by {name}, {source}")]
    Shard {
        /// By which variable.
        name: &'static str,
        /// What is wrong.
        source: ShardError,
    },
}

/// An engine's two variables, and which number its first shard has.
struct Engine {
    index: &'static str,
    count: &'static str,
    first: u32,
}

/// In the order in which they are asked: what is nearest to the program first, for
/// a pipeline may well run within a job of Kubernetes.
const ENGINES: [Engine; 4] = [
    Engine {
        index: "CI_NODE_INDEX",
        count: "CI_NODE_TOTAL",
        first: 1,
    },
    Engine {
        index: "CIRCLE_NODE_INDEX",
        count: "CIRCLE_NODE_TOTAL",
        first: 0,
    },
    Engine {
        index: "BUILDKITE_PARALLEL_JOB",
        count: "BUILDKITE_PARALLEL_JOB_COUNT",
        first: 0,
    },
    Engine {
        index: "JOB_COMPLETION_INDEX",
        count: "CHAOS_SHARDS",
        first: 0,
    },
];

const SLURM: &str = "SLURM_ARRAY_TASK_ID";

/// Which shard this is, by variables that `variable` looks up.
///
/// # Errors
/// Nobody says so, or not as it should be.
pub fn auto(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, AutoError> {
    let number = |name: &'static str| match variable(name) {
        None => Ok(None),
        Some(value) => value.trim().parse::<u32>().map(Some).map_err(|_| {
            let value = value.escape_debug().to_string();
            AutoError::NoNumber { name, value }
        }),
    };
    let needed = |index, missing| {
        let uncounted = AutoError::Uncounted { index, missing };
        number(missing)?.ok_or(uncounted)
    };
    let shard =
        |name, index, of| Shard::new(index, of).map_err(|source| AutoError::Shard { name, source });
    if let Some(id) = number(SLURM)? {
        // An array may begin anywhere, and leave numbers out: --array=10-30:5.
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let of = needed(SLURM, "SLURM_ARRAY_TASK_COUNT")?;
        let index = (id.saturating_sub(first) / step).saturating_add(1);
        return shard(SLURM, index, of);
    }
    for Engine {
        index,
        count,
        first,
    } in ENGINES
    {
        if let Some(number) = number(index)? {
            let of = needed(index, count)?;
            // From 0 or from 1: before the first there is none, which is told.
            let from_one = number.saturating_add(1 - first);
            return shard(index, from_one, of);
        }
    }
    Err(AutoError::Unset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(set: &[(&str, &str)]) -> Result<String, String> {
        let found = auto(|name| {
            let mut set = set.iter();
            set.find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        });
        found
            .map(|shard| shard.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_engine_counts_in_its_own_way() {
        let ok = |set: &[(&str, &str)], shard: &str| assert_eq!(by(set).unwrap(), shard);
        ok(&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4")], "1/4");
        ok(
            &[("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "4")],
            "1/4",
        );
        ok(
            &[
                ("BUILDKITE_PARALLEL_JOB", "3"),
                ("BUILDKITE_PARALLEL_JOB_COUNT", "4"),
            ],
            "4/4",
        );
        ok(
            &[("JOB_COMPLETION_INDEX", "2"), ("CHAOS_SHARDS", "3")],
            "3/3",
        );
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "20"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_STEP", "5"),
            ("SLURM_ARRAY_TASK_COUNT", "5"),
        ];
        ok(&slurm, "3/5");
    }

    #[test]
    fn what_is_missing_or_strange_is_told_by_name() {
        assert!(by(&[]).unwrap_err().starts_with("auto: nothing says which"));
        assert_eq!(
            by(&[("JOB_COMPLETION_INDEX", "0")]).unwrap_err(),
            "auto: JOB_COMPLETION_INDEX is set, and CHAOS_SHARDS is not: it says how many there are"
        );
        assert_eq!(
            by(&[("CI_NODE_INDEX", "one")]).unwrap_err(),
            "auto: CI_NODE_INDEX is `one`, and no number"
        );
        assert_eq!(
            by(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")]).unwrap_err(),
            "auto: by CI_NODE_INDEX, there is no shard 0 of 3: they count from 1/3 to 3/3"
        );
        let most = u32::MAX.to_string();
        let beyond = by(&[("JOB_COMPLETION_INDEX", &most), ("CHAOS_SHARDS", "3")]);
        assert!(beyond.unwrap_err().contains("there is no shard "));
    }
}
