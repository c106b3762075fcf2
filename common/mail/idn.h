// Converts domain names between the form for people (U-labels, `bücher.example`) and the form for
// DNS and tables (A-labels, `xn--bcher-kva.example`).
//
// Names are mapped by UTS 46, without its transitional rules and without IDNA2008's list of allowed
// characters: `☃.example` and other symbols are registered and used, and Postfix accepts them. Code
// points that UTS 46 disallows, unassigned ones and labels that begin with a combining mark are
// refused.
//
// STANDARDS  UTS 46 (nontransitional processing), RFC 3492 (Punycode), RFC 5890 (the terms)
// SEE ALSO   address.h (Domain)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

/// A-labels in lower case; nothing if UTS 46 refuses the name, or it is not UTF-8. `name` has at
/// most domain_bytes_max octets. The result is not checked to be a valid host name.
std::optional<std::string> domain_to_ascii(std::string_view name);

/// U-labels in lower case; `name` itself if a label is not a valid A-label.
std::string domain_to_unicode(std::string_view name);

/// The same text for all spellings of an address, a domain or a user's name: the local part in
/// lower case and NFC, the domain in lower case with A-labels. Text without an `@` is a local part.
std::string folded_address(std::string_view address);

/// A table's key in lower case and NFC, its labels all A-labels or all U-labels, as written. Keys
/// are `user@domain`, `@domain`, `user@`, `domain`, `.domain`, or any other word.
std::string folded_key_of_table(std::string_view key);

/// The other spelling of a key: with U-labels for A-labels, or the other way round. Nothing if
/// there is only one.
std::optional<std::string> other_spelling(std::string_view key);

}  // namespace pennypost
