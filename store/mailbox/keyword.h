// Checks whether a word that another program has written may be shown as an IMAP keyword.
//
// Keywords come from files that others write: `dovecot-keywords`, and the X-Keywords field of an
// mbox, which a delivery program may have left as the sender wrote it. A word that is not an atom
// could end the flag list of a response, and clients would read the rest as further responses.
//
// STANDARDS  RFC 9051 section 9 (flag-keyword)
#pragma once

#include <cstddef>
#include <string_view>

namespace pennypost::store {

/// The greatest value of mail_max_keyword_length.
inline constexpr std::size_t keyword_bytes_max = 255;

/// Whether `name` is an atom of at most keyword_bytes_max.
bool is_keyword(std::string_view name);

}  // namespace pennypost::store
