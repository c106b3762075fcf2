// Finds the messages of an account that a query is about, one folder after another.
//
// SEE ALSO  query.h, ../search/searcher.h
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "imapd/admin/call.h"
#include "imapd/admin/query.h"
#include "imapd/session/selected.h"

namespace pennypost::imap {

/// The messages found in one folder; ascending, never empty.
struct FoundMessages {
  Selected& selected;
  const store::MailboxName& name;
  std::vector<store::Uid> uids;

  store::Mailbox& mailbox() const { return selected.mailbox(); }
};

/// Calls `use` for each folder with messages that match, in the order of list(). A folder that is
/// removed meanwhile is passed over. Error NonExistent: the query names folders, and the account
/// has none of them; others are the store's and those of `use`.
Result<void> find_messages_of(const MailQuery& query, AdminAccount& on, store::MailStore& store,
                              store::Access access,
                              const std::function<Result<void>(FoundMessages&)>& use);

/// The messages of one folder that match, ascending.
Result<std::vector<store::Uid>> search_folder(const AdminAccount& on, Selected& selected,
                                              const SearchRequest& request);

/// Calls `use` with the messages in portions of `at_once`, and shows how far it is.
Result<void> in_portions(const AdminAccount& on, const FoundMessages& found, std::size_t at_once,
                         const std::function<Result<void>(std::span<const store::Uid>)>& use);

}  // namespace pennypost::imap
