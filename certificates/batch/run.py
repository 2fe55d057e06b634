"""All rows of a batch: what is finished is taken, the rest is done by a pool, and kept as it comes in.

Rows of one machine in one context are one block, as one proof is enough for them.  A certificate is written before its
row is kept.  Checks are jobs of their own: of each certificate that was not checked yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from exactformer.certificates.batch.rows import Kept, Place, Row
from exactformer.certificates.batch.work import (
    Asked,
    Certified,
    Check,
    Checked,
    Kind,
    ToCheck,
    Unjudged,
    certified,
    checked,
    statement_of,
)
from exactformer.certificates.document import sha256
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.finished import Finished
from exactformer.certificates.supervisor import Left, writing
from exactformer.verify.jobs import Block, Broken, Cause, Limits, Outcome, Pool, outcomes

MARGIN_SECONDS = 30
"""A checker gives up by itself, and says where; if it does not, it is ended this many seconds later."""


@dataclass
class Batch:
    """Rows, and where what comes of them is kept: certificates in ``output``, all else in ``file``.

    ``again``: try again what ended with an error.  ``unwritten``: rows whose certificate was made and could not be
    written; these are not kept.
    """

    places: Sequence[Place]
    file: Finished
    output: Output
    budget_seconds: int
    memory_mebibytes: int | None = None
    check: bool = False
    again: bool = False
    unwritten: dict[str, Kept] = field(default_factory=dict)

    def work(self, pool: Pool, progress: Callable[[int, int], object]) -> int:
        """Do what is not finished, and return how many rows that is; ``progress`` is told how many of them are done.

        Errors: PoolLost; FileRefused where nothing can be written any more.
        """
        asked = {one.key: one for place in self.places if isinstance(one := place.asked, Asked)}
        missing = {key: one for key, one in asked.items() if not self._is_finished(key)}
        unchecked = [one for key, one in asked.items() if key not in missing and self._needs_check(key)]
        done, total, later = 0, len(missing) + len(unchecked), deque[Block[Any, Any]]()
        blocks = chain(self._blocks(missing.values()), filter(None, map(self._check_of_file, unchecked)))
        for job, outcome in outcomes(pool, blocks, later):
            if isinstance(job, ToCheck):
                self.file.add(self._after_check(job, outcome).line)
            elif (check := self._after_proof(job, outcome)) is not None:
                later.append(check)
                continue
            done += 1
            progress(done, total)
        return total

    def rows(self) -> Iterator[Row]:
        """All that are known, in the order in which they are wanted."""
        for place in self.places:
            asked = place.asked
            if isinstance(asked, Unjudged):
                yield Row(place, Kept("", error=asked.kind.value, sentence=asked.sentence))
            elif asked.key in self.unwritten or asked.key in self.file.lines:
                yield Row(place, self.unwritten.get(asked.key) or Kept(**self.file.lines[asked.key]))

    @property
    def _limits(self) -> Limits:
        return Limits(self.budget_seconds, self.memory_mebibytes)

    def _is_finished(self, key: str) -> bool:
        """Whether it need not be done: it has a verdict, and its certificate is there; or an error, for good."""
        if key not in self.file.lines:
            return False
        kept = Kept(**self.file.lines[key])
        if kept.verdict is None:
            return not self.again and (kept.is_for_good or kept.under(self._limits))
        return kept.certificate is None or self._files(kept) is not None

    def _files(self, kept: Kept) -> tuple[tuple[str, bytes], ...] | None:
        """The certificate's files, if they are there, and the certificate is the one that was written."""
        if kept.certificate is None or kept.weights is None:
            return None
        try:
            files = [(name, (self.output.folder / name).read_bytes()) for name in (kept.weights, kept.certificate)]
        except OSError:
            return None
        return tuple(files) if sha256(files[-1][1]) == kept.sha256 else None

    def _needs_check(self, key: str) -> bool:
        """Whether the certificate of a finished row was not checked, and is to be."""
        kept = Kept(**self.file.lines[key])
        tried = kept.check is not None and (kept.check != Check.NOT_JUDGED.value or not self.again)
        return self.check and kept.certificate is not None and not tried

    def _blocks(self, missing: Iterable[Asked]) -> Iterator[Block[Any, Any]]:
        proofs: dict[str, list[Asked]] = {}
        for asked in missing:
            proofs.setdefault(asked.proof, []).append(asked)
        for of_one in proofs.values():
            yield Block(certified, tuple(of_one), self._limits)

    def _check_of_file(self, asked: Asked) -> Block[Any, Any] | None:
        files = self._files(Kept(**self.file.lines[asked.key]))
        return None if files is None else self._check(asked, files)

    def _check(self, asked: Asked, files: tuple[tuple[str, bytes], ...]) -> Block[Any, Any]:
        what = ToCheck(asked.key, files, asked.machine, self.budget_seconds)
        return Block(checked, (what,), Limits(self.budget_seconds + MARGIN_SECONDS, self.memory_mebibytes))

    def _after_proof(self, asked: Asked, outcome: Outcome[Certified | Unjudged]) -> Block[Any, Any] | None:
        """Write and keep what was found; the check that comes next, if one does."""
        kept = replace(
            Kept(asked.key, seconds=None if outcome.seconds is None else round(outcome.seconds, 3)),
            budget_seconds=self.budget_seconds,
            memory_mebibytes=self.memory_mebibytes,
        )
        if isinstance(outcome, Broken):
            error, sentence = _error(outcome)
            self.file.add(replace(kept, error=error.value, sentence=sentence).line)
            return None
        found = outcome.found
        kept = replace(kept, peak_mebibytes=outcome.peak_mebibytes, sentence=found.sentence)
        if isinstance(found, Unjudged):
            self.file.add(replace(kept, error=found.kind.value).line)
            return None
        kept = replace(kept, verdict=found.verdict.value)
        if not found.files:
            self.file.add(kept.line)
            return None
        (weights, _), (name, content) = found.files
        try:
            with writing(Left.FINISHED_PARTS):
                lying = self.output.write(dict(found.files))[name]
        except FileRefused as error:
            if error.__cause__ is not None:  # no room, or no folder: the next one could not be written, either
                raise
            self.unwritten[asked.key] = replace(
                kept, verdict=None, error=Kind.NOT_WRITTEN.value, sentence=f"its certificate: {error}"
            )
            return None
        kept = replace(kept, certificate=name, sha256=sha256(lying), weights=weights, **statement_of(content))
        self.file.add(kept.line)
        return self._check(asked, (*found.files[:-1], (name, lying))) if self.check else None

    def _after_check(self, what: ToCheck, outcome: Outcome[Checked]) -> Kept:
        kept = Kept(**self.file.lines[what.key])
        kept = replace(kept, check_seconds=None if outcome.seconds is None else round(outcome.seconds, 3))
        if isinstance(outcome, Broken):
            error, sentence = _error(outcome)
            return replace(kept, check=Check.NOT_JUDGED.value, check_sentence=f"{error.value}: {sentence}")
        return replace(kept, check=outcome.found.said.value, check_sentence=outcome.found.sentence)


def _error(outcome: Broken) -> tuple[Kind, str]:
    if outcome.cause is Cause.RAISED:
        return Kind.FAILED, f"{type(outcome.error).__name__}: {outcome.error}"
    return Kind(outcome.cause.value), str(outcome.error)
