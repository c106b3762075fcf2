#include "imapd/command/mailbox_choice.h"

#include <algorithm>

#include "imapd/session/context.h"
#include "store/sharing/sharing.h"

namespace pennypost::imap {

using Kind = MailboxFilter::Kind;
using store::MailboxName;

MailboxChoice::MailboxChoice(const SessionContext& context, const MailboxFilter& filter)
    : kind_(filter.kind),
      sharing_(context.store().sharing()),
      separator_(context.store().separator()) {
  for (const auto& wire : filter.mailboxes) {
    auto name = context.mailbox_name(wire);
    if (name) names_.push_back(*std::move(name));
  }
}

bool MailboxChoice::has(const MailboxName& name, bool is_subscribed) const {
  switch (kind_) {
    case Kind::Selected:
    case Kind::SelectedDelayed:
      return false;
    case Kind::Inboxes:
    case Kind::Personal:
      return sharing_ == nullptr || sharing_->is_personal(name);
    case Kind::Subscribed:
      return is_subscribed;
    case Kind::Subtree:
    case Kind::SubtreeOne:
      return std::ranges::any_of(
          names_, [&](const MailboxName& above) { return name == above || is_below(name, above); });
    case Kind::Mailboxes:
      return std::ranges::find(names_, name) != names_.end();
  }
  return false;
}

// With SUBTREE-ONE one level below, else any.
bool MailboxChoice::is_below(const MailboxName& name, const MailboxName& above) const {
  const auto& text = name.text();
  auto length = above.text().size();
  if (text.size() <= length || !text.starts_with(above.text()) || text[length] != separator_) {
    return false;
  }
  return kind_ == Kind::Subtree || text.find(separator_, length + 1) == std::string::npos;
}

}  // namespace pennypost::imap
