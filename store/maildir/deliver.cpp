// Delivers a message into a Maildir.
//
// The file's name is made of arrival time, queue id and recipient number, which are the same at
// every attempt. An attempt that may be a repetition first looks for that name in new/ and cur/.
// Delivered means that the file and its directory are synced.
//
// STANDARDS  RFC 5321 section 4.4 (Return-Path), https://cr.yp.to/proto/maildir.html
#include <algorithm>

#include "store/mailbox/body.h"
#include "store/maildir/draft.h"
#include "store/maildir/filename.h"
#include "store/maildir/keywords.h"
#include "store/maildir/store.h"

namespace pennypost::store {

Result<void> MaildirStore::place(const Delivery& delivery, const MailboxName& name,
                                 const Placement& placement) {
  const auto& settings = layout().settings();
  TRY_DO(layout().make(name));
  auto directory = layout().directory(name);
  auto unique = std::to_string(delivery.arrival_seconds) + ".Q" + delivery.queue_id + "R" +
                std::to_string(delivery.recipient_number) + "." + filename_host(settings.hostname);
  if (delivery.maybe_repeated) {
    TRY(bool there, is_there(directory, unique));
    // The earlier attempt may have stopped before it synced the directory.
    if (there) return settings.fsync ? sync_directory(directory + "/new") : Result<void>();
  }
  auto quota = layout().quota();
  TRY_DO(quota.foresee(name.text(), octets_of(delivery.body), 1));
  TRY(auto draft, Draft::write(layout(), directory, delivery_headers(delivery), delivery.body, {}));
  TRY_DO(quota.check(name.text(), draft.stored_bytes(), 1));

  auto base = draft.base_name(unique);
  FilenameFlags flags{placement.flags, 0};
  if (!placement.keywords.empty()) {
    auto uidlist = layout().uidlist(name);
    TRY(auto lock, uidlist.lock());
    KeywordFile keywords(layout().control(name));
    TRY(flags.keywords, keywords.add(placement.keywords, lock));
  }
  // A name in new/ can hold no flags.
  bool is_plain = flags == FilenameFlags{};
  std::string_view where = is_plain ? "new" : "cur";
  auto published = draft.publish(where, is_plain ? base : flags.apply(base));
  if (!published) {
    auto there = is_there(directory, unique);
    if (!there || !*there) return published;
  } else {
    quota.add(name.text(), static_cast<std::int64_t>(draft.stored_bytes()), 1);
  }
  return settings.fsync ? sync_directory(directory + "/" + std::string(where)) : Result<void>();
}

Result<bool> MaildirStore::is_there(const std::string& directory, const std::string& unique) const {
  bool there = false;
  for (const char* part : {"/new", "/cur"}) {
    TRY_DO(list_directory(directory + part, SIZE_MAX, [&](std::string_view name, unsigned char) {
      there = there || (name.starts_with(unique) &&
                        (name.size() == unique.size() || name[unique.size()] == ',' ||
                         name[unique.size()] == ':'));
    }));
  }
  return there;
}

}  // namespace pennypost::store
