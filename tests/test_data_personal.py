"""Personal data: found by shape and checksum, masked the same way everywhere, and nothing else touched."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data.personal import find_personal, mask_personal
from ftchat.records import Message

FOUND = {
    "[EMAIL]": ["jo.doe+x@mail.example.co.uk", "a_b@c-d.org"],
    "[PHONE]": [
        "+44 20 7946 0958", "(555) 867-5309", "555-867-5309", "+1 (555) 123-4567", "13812345678", "138-1234-5678",
        "+8613812345678", "+86 138 1234 5678", "010-12345678", "0755-1234567", "+49 (0)30 1234567", "06 12 34 56 78",
        "020 7946 0958", "07911 123456", "090-1234-5678", "+91 98765 43210", "(570) 801-4386x553", "+1 908 887 3679 ext. 917",
    ],
    "[ID]": ["11010519491231002X", "123-45-6789"],
    "[IBAN]": ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR14 2004 1010 0505 0001 3M02 606"],
    "[CARD]": ["4111 1111 1111 1111", "4111-1111-1111-1111", "5500000000000004", "3782 822463 10005"],
}  # fmt: skip
PIECES = [(piece, mask) for mask, pieces in FOUND.items() for piece in pieces]
NOTHING = [
    "in 1999-2004, 3.14159265358979, 192.168.100.200", "order 1234567890123", "2024-01-31 12:30:45", "1 000 000 000",
    "ISBN 978-3-16-148410-0", "v1.20.300.4000", "01.02.2023 10.30", "20240131123045", "1,234,567,890", "300 x 400 mm",
    "1700000000 and 1700000000000", "09-10-2023", "0.123456789", "12.345.678,90 euros", "2019 2020 2021 2022",
    "00:11:22:33:44:55", "4111 1111 1111 1112", "110105194912310021", "GB82 WEST 1234 5698 7654 33", "000-45-6789",
    "tel 2024-01-31", "a@b", "@home", "550e8400-e29b-41d4-a716-446655440000", "10-20-30-40-50-60", "1/2/2023",
    "git clone git@codehost.org:team/tool", "logo@2x.png",
]  # fmt: skip


@pytest.mark.parametrize(("piece", "mask"), PIECES)
@pytest.mark.parametrize("around", ["{}", "call {}, please.", "电话{}。", "({})", "x: {}\n"])
def test_it_is_found_and_masked_whole(piece, mask, around):
    text = around.format(piece)
    assert [text[start:end] for start, end, _ in find_personal(text)] == [piece]
    (masked,) = mask_personal([Message("user", text)])
    assert masked.content == around.format(mask)


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_it_is_left_alone(text):
    assert find_personal(text) == []


def test_the_same_piece_has_the_same_mask_in_prompt_and_answer():
    asked = Message("user", "I am a@b.com, not c@d.org; call 13812345678")
    answered = Message("assistant", "Hello c@d.org! I call 13812345678 and write to a@b.com")
    assert [message.content for message in mask_personal([asked, answered])] == [
        "I am [EMAIL], not [EMAIL_2]; call [PHONE]",
        "Hello [EMAIL_2]! I call [PHONE] and write to [EMAIL]",
    ]
    (again,) = mask_personal([Message("user", "[EMAIL] is not x@y.com")])
    assert again.content == "[EMAIL] is not [EMAIL_2]"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([piece for piece, _ in PIECES]),
            st.sampled_from(NOTHING),
            st.text("ab1 @.-+,X中\n", max_size=12),
        ),
        max_size=8,
    )
)
def test_masking_leaves_nothing_to_mask_and_everything_else(parts):
    text = "".join(parts)
    (masked,) = mask_personal([Message("user", text)])
    assert find_personal(masked.content) == []
    assert mask_personal([masked]) == (masked,)
    # What is between the masks stands in the text, in this order.
    between = re.split(r"\[(?:EMAIL|PHONE|ID|IBAN|CARD)(?:_\d+)?\]", masked.content)
    assert re.fullmatch(".+".join(map(re.escape, between)), text, re.DOTALL)


@pytest.mark.parametrize("text", ["06 " * 60000, "1 " * 50000, "a@b.com " * 20000, "+1 " * 60000, "AB12 " * 40000])
def test_odd_rows_do_not_take_long(text):
    began = time.process_time()
    (masked,) = mask_personal([Message("user", text)])
    assert not find_personal(masked.content) and time.process_time() - began < 5


def test_a_row_of_numbers_holds_no_phone_number():
    assert not find_personal("What comes next: 64 125 216 343 512 729 1000 1331 1728")
    assert find_personal("Call 650 636 4884 today")


def test_many_different_pieces_have_masks_of_their_own():
    text = " ".join(f"a{n}@b.com" for n in range(2000))
    (masked,) = mask_personal([Message("user", text)])
    assert masked.content == " ".join(["[EMAIL]", *(f"[EMAIL_{n}]" for n in range(2, 2001))])
