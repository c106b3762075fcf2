// Writes text in IMAP's notations: as an atom, quoted or as a literal, whichever can carry it.
//
// STANDARDS  RFC 9051 section 4 (data formats),
//            RFC 3501 section 4.3.1 (8-bit text only in literals)
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
/// A mailbox name given in UTF-8, in modified UTF-7 (RFC 3501 section 5.1.3).
void append_mailbox(std::string& out, std::string_view utf8);
/// `{123}` and the line end that precedes a literal's octets.
void append_literal_header(std::string& out, std::uint64_t octets);
/// `(a b c)`, the members as they are.
void append_list(std::string& out, const std::vector<std::string>& members);

}  // namespace pennypost::imap
