// Whether a word that another program has written may be shown as an IMAP keyword.
//
// Keywords come from files that others write: `dovecot-keywords`, and the X-Keywords field of an
// mbox, where a delivery program may have left what a stranger sent. What is no atom would end the
// flag list of an answer, and the rest of the word would be read as answers of ours.
//
// STANDARDS  RFC 9051 section 9 (flag-keyword)
#pragma once

#include <cstddef>
#include <string_view>

namespace pennypost::store {

/// The most that mail_max_keyword_length can be set to.
inline constexpr std::size_t keyword_bytes_max = 255;

/// An atom of at most keyword_bytes_max.
bool is_keyword(std::string_view name);

}  // namespace pennypost::store
