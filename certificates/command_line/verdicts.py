"""The exit code of each verdict."""

from __future__ import annotations

from collections.abc import Mapping

from exactformer.certificates.command_line.outcome import ExitCode
from exactformer.verify.verdict import Verdict

EXIT_CODE: Mapping[Verdict, ExitCode] = {
    Verdict.PROVED: ExitCode.CERTIFIED,
    Verdict.TOKENS_PROVED: ExitCode.CERTIFIED,
    Verdict.CERTIFIED: ExitCode.CERTIFIED,
    Verdict.REFUTED: ExitCode.REFUTED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.UNSUPPORTED: ExitCode.UNSUPPORTED,
}
