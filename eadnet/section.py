"""What every configuration section shares: strictness, and the kinds of numbers."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A configuration section: no unknown keys, no coercion, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


def renamed(**names: str) -> BeforeValidator:
    """Refuses values that are called otherwise by now, old name to new, with a line that says so."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in names:
            raise ValueError(f"`{value}` is called `{names[value]}` now")
        return value

    return BeforeValidator(check)
