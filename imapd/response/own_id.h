// Makes the fields of our answer to ID from the setting imap_id_send.
//
// STANDARDS  RFC 2971
#pragma once

#include <string_view>

#include "imapd/grammar/requests.h"

namespace pennypost::imap {

/// `setting` holds pairs of a key and a value; `*` stands for our own value of name, version, os
/// and os-version.
IdFields own_id(std::string_view setting);

}  // namespace pennypost::imap
