// Parses the arguments of SETACL, DELETEACL and LISTRIGHTS.
//
// As in requests.h, what does not follow the grammar is Error 501; so is an identifier or a right
// that there is not. GETACL and MYRIGHTS have a mailbox alone: parse_mailbox().
//
// STANDARDS  RFC 4314 sections 3 and 7
// SEE ALSO   ../../store/sharing/acl.h (what they mean)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"
#include "store/sharing/acl.h"

namespace pennypost::imap {

struct AclRequest {
  std::string mailbox;
  store::AclChange change;
};
/// `+lr` adds rights, `-lr` removes them, anything else replaces them.
Result<AclRequest> parse_set_acl(std::string_view arguments, const Limits& limits);
Result<AclRequest> parse_delete_acl(std::string_view arguments, const Limits& limits);

struct ListRightsRequest {
  std::string mailbox;
  std::string written;  ///< the identifier as the client writes it
  store::Identifier who;
};
Result<ListRightsRequest> parse_list_rights(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
