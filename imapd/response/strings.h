// Writes text in IMAP's notations: as an atom, quoted or as a literal, whichever can carry it.
//
// STANDARDS  RFC 9051 section 4 (data formats), RFC 3501 section 4.3.1 (8-bit text only in
// literals),
//            RFC 6855 section 3 (UTF-8 in quoted strings)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost::imap {

/// quoted where the text is short, 7-bit and without line ends; else a literal. NUL octets, which
/// neither may hold, are left out.
void append_string(std::string& out, std::string_view text);
/// `NIL` or a string.
void append_nstring(std::string& out, const std::optional<std::string>& text);
/// An atom where possible, else a string.
void append_astring(std::string& out, std::string_view text);
/// How mailbox names stand in commands and answers: in modified UTF-7 (RFC 3501 section 5.1.3), or,
/// once the client has enabled IMAP4rev2 or UTF8=ACCEPT, in UTF-8 (RFC 9051 section 5.1).
enum class NameForm { Utf7, Utf8 };
/// A mailbox name given in UTF-8, in the form that the client expects.
void append_mailbox(std::string& out, std::string_view utf8, NameForm form = NameForm::Utf7);
/// `{123}` and the line end that precedes a literal's octets.
void append_literal_header(std::string& out, std::uint64_t octets);
/// `(a b c)`, the members as they are.
void append_list(std::string& out, const std::vector<std::string>& members);

}  // namespace pennypost::imap
