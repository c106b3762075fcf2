#include "store/mbox/unwritten.h"

#include <utility>

#include "store/mailbox/file.h"
#include "store/mbox/disk.h"

namespace pennypost::store {
namespace {

// Identifies a message, and stays the same when its fields change.
Result<std::uint64_t> id_of(int descriptor, const MboxEntry& entry, const std::string& path) {
  TRY(auto from_line,
      read_range(descriptor, entry.from_offset, entry.header_offset - entry.from_offset, path));
  TRY(auto header, shown_header(descriptor, entry, path));
  return mbox_hash(header, mbox_hash(from_line));
}

bool says_the_same(const MboxMeta& one, const MboxMeta& other) {
  return one.flags == other.flags && one.old == other.old && one.keywords == other.keywords;
}

}  // namespace

Result<void> MboxUnwritten::keep(int descriptor, const std::string& path,
                                 const std::vector<MboxEntry>& entries,
                                 const std::vector<MboxPlan>& plans) {
  std::map<std::uint32_t, Message> kept;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& in_file = entries[i].meta;
    const auto& wanted = plans[i].meta;
    if (in_file.uid == wanted.uid && says_the_same(in_file, wanted)) continue;
    Message message;
    message.has_uid_line = in_file.uid == wanted.uid;
    message.in_file = in_file;
    message.wanted = wanted;
    auto known = messages_.find(wanted.uid->value());
    if (known != messages_.end()) {
      message.id = known->second.id;
    } else {
      TRY(message.id, id_of(descriptor, entries[i], path));
    }
    kept.emplace(wanted.uid->value(), std::move(message));
  }
  messages_ = std::move(kept);
  return {};
}

Result<void> MboxUnwritten::apply(int descriptor, const std::string& path,
                                  const std::vector<MboxEntry>& entries,
                                  std::vector<MboxPlan>& plans) const {
  if (empty()) return {};
  // Identical messages keep their order.
  std::multimap<std::uint64_t, const Message*> without_line;
  for (const auto& [uid, message] : messages_) {
    if (!message.has_uid_line) without_line.emplace(message.id, &message);
  }
  std::uint32_t previous = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& in_file = entries[i].meta;
    const Message* known = nullptr;
    auto by_uid = messages_.find(in_file.uid ? in_file.uid->value() : 0);
    if (by_uid != messages_.end() && by_uid->second.has_uid_line) {
      known = &by_uid->second;
    } else if (!in_file.uid || in_file.uid->value() <= previous) {
      TRY(auto id, id_of(descriptor, entries[i], path));
      auto found = without_line.find(id);
      if (found != without_line.end()) {
        known = found->second;
        without_line.erase(found);
        plans[i].meta.uid = known->wanted.uid;
        plans[i].changed = true;
      }
    }
    if (plans[i].meta.uid) previous = plans[i].meta.uid->value();
    if (known == nullptr || !says_the_same(known->in_file, in_file)) continue;
    plans[i].meta.flags = known->wanted.flags;
    plans[i].meta.old = known->wanted.old;
    plans[i].meta.keywords = known->wanted.keywords;
    plans[i].changed = true;
  }
  return {};
}

}  // namespace pennypost::store
