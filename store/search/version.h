// Says of which form an index of words is; one of another form is not read, and is made anew.
#pragma once

namespace pennypost::store {

inline constexpr const char* word_version = "3";
/// In Xapian's metadata.
inline constexpr const char* word_version_key = "V";

}  // namespace pennypost::store
