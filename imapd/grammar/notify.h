// Parses the arguments of NOTIFY: which events, of which mailboxes, a client wants to hear of.
//
//   a1 NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge))
//   a2 NOTIFY SET (personal (MailboxName))
//   a3 NOTIFY NONE
//
// STANDARDS  RFC 5465 sections 3.1, 5, 6 and 8
// LIMITS     notify_groups_max groups of events
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imapd/grammar/fetch.h"
#include "imapd/grammar/mailbox_filter.h"

namespace pennypost::imap {

inline constexpr std::size_t notify_groups_max = 100;

struct NotifyGroup {
  MailboxFilter filter;
  bool message_new = false;
  bool message_expunge = false;
  bool flag_change = false;
  bool mailbox_name = false;
  bool subscription_change = false;
  bool mailbox_metadata_change = false;
  bool server_metadata_change = false;
  /// What is told of a new message in the selected mailbox.
  std::vector<FetchItem> new_items;
};

struct NotifyRequest {
  /// SET, else NONE.
  bool is_set = false;
  bool with_status = false;
  std::vector<NotifyGroup> groups;
  /// An event is named that this server knows nothing of: to be refused with NO.
  bool names_unknown_event = false;
};
/// Error 501 also for events that do not go together, or not with their mailboxes.
Result<NotifyRequest> parse_notify(std::string_view arguments, const Limits& limits);

/// The events for the response code BADEVENT.
std::string_view notify_event_names();

}  // namespace pennypost::imap
