#include "store/maildir/folder_state.h"

#include <algorithm>
#include <iterator>

#include "store/maildir/filename.h"

namespace pennypost::store {
namespace {

// The names are compacted when more than 1/unused_share of their bytes are unused.
constexpr std::size_t unused_share = 2;
constexpr std::size_t unused_bytes_kept = 4096;

std::vector<Uid> merged(const std::vector<Uid>& a, const std::vector<Uid>& b) {
  std::vector<Uid> out;
  out.reserve(a.size() + b.size());
  std::ranges::set_union(a, b, std::back_inserter(out));
  return out;
}

void remove(std::vector<Uid>& from, const std::vector<Uid>& those) {
  if (those.empty()) return;
  std::erase_if(from, [&](Uid uid) { return std::ranges::binary_search(those, uid); });
}

}  // namespace

// --- messages and their files ----------------------------------------------------------

std::optional<std::size_t> FolderState::index_of(Uid uid) const {
  auto at = std::ranges::lower_bound(messages, uid, {}, &Message::uid);
  if (at == messages.end() || at->uid != uid) return {};
  return static_cast<std::size_t>(at - messages.begin());
}

std::string_view FolderState::base(std::size_t index) const {
  const auto& file = files_[index];
  return std::string_view(names_).substr(file.at, file.base_bytes);
}

std::string FolderState::name(std::size_t index) const {
  const auto& file = files_[index];
  std::string name(base(index));
  if (file.info == Info::Flags) {
    append_info(name, messages[index].flags, messages[index].keywords);
  } else if (file.info == Info::Own) {
    name.append(names_, file.at + file.base_bytes, file.info_bytes);
  }
  return name;
}

std::string FolderState::path(std::size_t index) const {
  return (in_new(index) ? "new/" : "cur/") + name(index);
}

std::optional<std::uint64_t> FolderState::octets(std::size_t index) const {
  if (auto noted = noted_octets(index); noted != 0) return noted;
  return size_in_name(base(index), 'W');
}

void FolderState::note_octets(std::size_t index, std::uint64_t octets) {
  if (octets > UINT32_MAX) return;
  if (octets_.empty()) octets_.resize(messages.size());
  octets_[index] = static_cast<std::uint32_t>(octets);
}

void FolderState::reserve(std::size_t messages_count, std::size_t names_bytes) {
  messages.reserve(messages_count);
  files_.reserve(messages_count);
  names_.reserve(names_bytes);
}

void FolderState::add(const Message& message, std::string_view filename, bool in_new,
                      std::uint32_t octets) {
  File file;
  file.in_new = in_new;
  put_name(file, message, filename);
  messages.push_back(message);
  files_.push_back(file);
  if (!octets_.empty()) octets_.push_back(0);
  if (octets != 0) note_octets(messages.size() - 1, octets);
  last_uid = std::max(last_uid, message.uid);
}

void FolderState::rename(std::size_t index, std::string_view filename, bool in_new) {
  auto& file = files_[index];
  file.in_new = in_new;
  auto info = filename.substr(file.base_bytes);
  std::string usual;
  append_info(usual, messages[index].flags, messages[index].keywords);
  if (file.info == Info::Own) names_unused_ += file.info_bytes;
  if (info.empty() || info == usual) {
    file.info = info.empty() ? Info::None : Info::Flags;
    file.info_bytes = 0;
  } else {
    names_unused_ += file.base_bytes;
    put_name(file, messages[index], filename);
  }
}

void FolderState::put_name(File& file, const Message& message, std::string_view filename) {
  auto base = base_of(filename);
  auto info = filename.substr(base.size());
  std::string usual;
  if (!info.empty()) append_info(usual, message.flags, message.keywords);
  file.at = static_cast<std::uint32_t>(names_.size());
  file.base_bytes = static_cast<std::uint8_t>(base.size());
  file.info_bytes = 0;
  file.info = info.empty() ? Info::None : Info::Flags;
  names_ += base;
  if (info == usual) return;
  file.info = Info::Own;
  file.info_bytes = static_cast<std::uint8_t>(info.size());
  names_ += info;
}

void FolderState::erase(std::span<const Uid> gone) {
  std::size_t kept = 0;
  auto next = gone.begin();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    while (next != gone.end() && *next < messages[i].uid) ++next;
    if (next != gone.end() && *next == messages[i].uid) {
      names_unused_ += files_[i].base_bytes + files_[i].info_bytes;
      continue;
    }
    messages[kept] = messages[i];
    files_[kept] = files_[i];
    if (!octets_.empty()) octets_[kept] = octets_[i];
    ++kept;
  }
  messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(kept), messages.end());
  files_.resize(kept);
  if (!octets_.empty()) octets_.resize(kept);
  if (names_unused_ > unused_bytes_kept && names_unused_ > names_.size() / unused_share) compact();
}

void FolderState::compact() {
  std::string names;
  names.reserve(names_.size() - std::min(names_unused_, names_.size()));
  for (auto& file : files_) {
    auto at = static_cast<std::uint32_t>(names.size());
    names.append(names_, file.at, file.base_bytes + file.info_bytes);
    file.at = at;
  }
  names_ = std::move(names);
  names_unused_ = 0;
}

bool FolderState::is_same(const FolderState& other) const {
  if (messages.size() != other.messages.size() || keywords != other.keywords ||
      highest != other.highest || uid_validity != other.uid_validity ||
      uid_next != other.uid_next || annotated != other.annotated) {
    return false;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& mine = messages[i];
    const auto& its = other.messages[i];
    const auto& file = files_[i];
    const auto& other_file = other.files_[i];
    if (mine.uid != its.uid || mine.flags != its.flags || mine.keywords != its.keywords ||
        mine.modseq != its.modseq || file.in_new != other_file.in_new ||
        file.info != other_file.info || base(i) != other.base(i)) {
      return false;
    }
    if (file.info == Info::Own && name(i) != other.name(i)) return false;
  }
  return true;
}

std::size_t FolderState::bytes() const {
  return sizeof *this + messages.capacity() * sizeof(Message) + files_.capacity() * sizeof(File) +
         octets_.capacity() * sizeof(std::uint32_t) + names_.capacity();
}

// --- what changed ------------------------------------------------------------------------

Changes difference(const FolderState& from, const FolderState& to) {
  Changes changes;
  if (&from == &to) return changes;
  changes.keywords = from.keywords != to.keywords;
  changes.annotations = from.annotated != to.annotated;
  changes.uid_validity = from.uid_validity != 0 && from.uid_validity != to.uid_validity;
  auto old = changes.uid_validity ? from.messages.end() : from.messages.begin();
  for (const auto& message : to.messages) {
    for (; old != from.messages.end() && old->uid < message.uid; ++old) {
      changes.expunged.push_back(old->uid);
    }
    if (old == from.messages.end() || old->uid != message.uid) {
      changes.added.push_back(message.uid);
      continue;
    }
    bool same = old->flags == message.flags && old->keywords == message.keywords &&
                old->modseq == message.modseq;
    if (!same) changes.flags.push_back(message.uid);
    ++old;
  }
  for (; old != from.messages.end(); ++old) changes.expunged.push_back(old->uid);
  return changes;
}

void follow(Changes& first, Changes next) {
  if (next.uid_validity) {
    next.keywords = next.keywords || first.keywords;
    next.annotations = next.annotations || first.annotations;
    first = std::move(next);
    return;
  }
  first.keywords = first.keywords || next.keywords;
  first.annotations = first.annotations || next.annotations;
  auto came_and_went = next.expunged;
  std::erase_if(came_and_went,
                [&](Uid uid) { return !std::ranges::binary_search(first.added, uid); });
  remove(first.added, came_and_went);
  remove(next.expunged, came_and_went);
  remove(first.flags, next.expunged);
  remove(next.flags, first.added);
  first.added = merged(first.added, next.added);
  first.flags = merged(first.flags, next.flags);
  first.expunged = merged(first.expunged, next.expunged);
}

}  // namespace pennypost::store
