#include "store/mailbox/mailbox.h"

#include <algorithm>
#include <cstdio>

#include "common/base/text.h"
#include "store/maildir/store.h"

namespace pennypost::store {

const Message* Mailbox::find(Uid uid) const {
  auto all = messages();
  auto at = std::lower_bound(all.begin(), all.end(), uid, [](const Message& message, Uid wanted) {
    return message.uid < wanted;
  });
  return at != all.end() && at->uid == uid ? &*at : nullptr;
}

std::vector<std::string> Mailbox::keyword_names(KeywordSet set) const {
  std::vector<std::string> names;
  const auto& all = keywords();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((set >> i & 1) != 0 && !all[i].empty()) names.push_back(all[i]);
  }
  return names;
}

bool Mailbox::may_add_keyword() const {
  const auto& all = keywords();
  return all.size() < keywords_per_mailbox_max ||
         std::ranges::any_of(all, [](const std::string& name) { return name.empty(); });
}

std::string Mailbox::unique_id(Uid uid) const {
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", uid.value(), uid_validity());
  return text;
}

Result<MailboxName> MailStore::parse_name(std::string_view utf8) const {
  return MailboxName::parse(utf8, separator());
}

Result<std::unique_ptr<MailStore>> MailStore::open(MailLocation location, StoreSettings settings) {
  if (location.format == MailLocation::Format::Maildir) {
    return std::unique_ptr<MailStore>(
        std::make_unique<MaildirStore>(std::move(location), std::move(settings)));
  }
  return Error::permanent("[UNAVAILABLE] mail_location mbox: is not served yet");
}

}  // namespace pennypost::store
