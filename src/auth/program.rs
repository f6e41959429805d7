//! Programs that print credentials: run without a shell, for a limited time and with a limited output.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::error::{Error, ErrorKind, Result};

/// The largest output of a program.
const LIMIT: u64 = 1 << 20;

/// What a program prints to its standard output. `what` names it, such as "the `credential_process` of AWS". Nothing can be
/// said to it, and what it says to its standard error is not read. When the call is dropped, or the program takes longer
/// than `patience`, it is killed.
///
/// # Errors
///
/// [`ErrorKind::Authentication`] for a program that cannot be run, fails, or prints more than a mebibyte;
/// [`ErrorKind::Timeout`] for one that takes too long. Nothing of its output is in them.
pub(super) async fn output(
    what: &str,
    command: &str,
    variables: &[(&str, &str)],
    patience: Duration,
) -> Result<Vec<u8>> {
    let failed = |did: &str| Error::new(ErrorKind::Authentication, format!("{what} {did}"));
    let mut words = words(command).into_iter();
    let program = words.next().filter(|program| !program.is_empty()).ok_or_else(|| failed("is empty"))?;
    let mut child = Command::new(program)
        .args(words)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| failed("cannot be run").with_source(source))?;
    let running = async {
        let mut printed = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let reading = stdout.take(LIMIT.saturating_add(1)).read_to_end(&mut printed).await;
            reading.map_err(|source| failed("cannot be read").with_source(source))?;
        }
        if u64::try_from(printed.len()).is_ok_and(|length| length > LIMIT) {
            return Err(failed("printed more than credentials are long"));
        }
        let status = child.wait().await.map_err(|source| failed("was broken off").with_source(source))?;
        if status.success() { Ok(printed) } else { Err(failed(&format!("ended with {status}"))) }
    };
    tokio::time::timeout(patience, running).await.unwrap_or_else(|_| {
        let message = format!("{what} took longer than {} s", patience.as_secs());
        Err(Error::new(ErrorKind::Timeout, message))
    })
}

/// The words of a command; quotes hold spaces together.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_cut_into_words() {
        assert_eq!(words(r#" /opt/a "b c" d'e "f'  "" "#), ["/opt/a", "b c", r#"de "f"#, ""]);
        assert!(words("  ").is_empty());
    }

    #[cfg(unix)]
    async fn run(command: &str) -> Result<Vec<u8>> {
        output("the program", command, &[("ANYMODEL_WORD", "mine")], Duration::from_secs(60)).await
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_is_run_without_a_shell_and_with_its_variables() {
        assert_eq!(run("/bin/echo '$HOME; x'").await.unwrap(), b"$HOME; x\n");
        assert_eq!(run("/bin/sh -c 'printf %s \"$ANYMODEL_WORD\"'").await.unwrap(), b"mine");
        assert_eq!(run("/bin/sh -c cat").await.unwrap(), b"", "there is nothing to be read");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_fails_or_never_ends_its_output_is_an_error_without_it() {
        for command in
            ["", "/nowhere/at/all", "/bin/sh -c 'echo s3cret; exit 3'", "/bin/sh -c 'while :; do echo s3cret; done'"]
        {
            let error = run(command).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Authentication, "{command}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_program_that_takes_too_long_is_broken_off() {
        let error = run("/bin/sleep 1000").await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Timeout, "the program took longer than 60 s"));
    }
}
