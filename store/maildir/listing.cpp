#include "store/maildir/listing.h"

#include <dirent.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "store/mailbox/file.h"
#include "store/maildir/filename.h"

namespace pennypost::store {
namespace {

// The longest file name on any file system for a Maildir (NAME_MAX).
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t name_bytes_usual = 64;
constexpr std::size_t names_bytes_max = UINT32_MAX - name_bytes_max;

}  // namespace

Listing::Listing(std::size_t expected) {
  files_.reserve(expected);
  names_.reserve(expected * name_bytes_usual);
  table_.resize(std::bit_ceil(expected * 2 + 16));
}

Result<void> Listing::list(const std::string& directory, bool in_new, std::size_t names_max) {
  return list_directory(directory + (in_new ? "/new" : "/cur"), names_max,
                        [&](std::string_view filename, unsigned char type) {
                          bool is_file = type == DT_REG || type == DT_LNK || type == DT_UNKNOWN;
                          if (is_file && is_message_name(filename)) add(filename, in_new);
                        });
}

Result<void> Listing::list_both(const std::string& directory, std::size_t names_max) {
  TRY_DO(list(directory, true, names_max));
  return list(directory, false, names_max);
}

void Listing::add(std::string_view filename, bool in_new) {
  if (filename.size() > name_bytes_max || names_.size() > names_bytes_max) return;
  auto base = base_of(filename);
  auto slot = slot_of(base);
  if (table_[slot] != 0) {
    auto& known = files_[table_[slot] - 1];
    if (name(known) != filename) rename(known, filename);
    known.in_new = in_new;
    return;
  }
  File file;
  file.at = static_cast<std::uint32_t>(names_.size());
  file.bytes = static_cast<std::uint8_t>(filename.size());
  file.base_bytes = static_cast<std::uint8_t>(base.size());
  file.in_new = in_new;
  names_ += filename;
  files_.push_back(file);
  table_[slot] = static_cast<std::uint32_t>(files_.size());
  if (files_.size() * 2 > table_.size()) grow_table();
}

void Listing::rename(File& file, std::string_view filename) {
  file.at = static_cast<std::uint32_t>(names_.size());
  file.bytes = static_cast<std::uint8_t>(filename.size());
  names_ += filename;
}

Listing::File* Listing::find(std::string_view base) {
  auto number = table_[slot_of(base)];
  return number == 0 ? nullptr : &files_[number - 1];
}

// The position of the base name, or the free position for it.
std::size_t Listing::slot_of(std::string_view wanted) const {
  auto mask = table_.size() - 1;
  auto slot = std::hash<std::string_view>()(wanted) & mask;
  while (table_[slot] != 0 && base(files_[table_[slot] - 1]) != wanted) slot = (slot + 1) & mask;
  return slot;
}

void Listing::grow_table() {
  table_.assign(table_.size() * 2, 0);
  for (std::size_t i = 0; i < files_.size(); ++i) {
    table_[slot_of(base(files_[i]))] = static_cast<std::uint32_t>(i + 1);
  }
}

bool Listing::lacks_uids() const {
  return std::ranges::any_of(files_, [](const File& file) { return file.uid == Uid(0); });
}

std::vector<Listing::File*> Listing::without_uid() {
  std::vector<File*> found;
  for (auto& file : files_) {
    if (file.uid != Uid(0)) continue;
    auto seconds = seconds_in_name(base(file));
    file.seconds = static_cast<std::uint32_t>(std::min<std::uint64_t>(seconds, UINT32_MAX));
    found.push_back(&file);
  }
  std::ranges::sort(found, [this](const File* a, const File* b) {
    return a->seconds != b->seconds ? a->seconds < b->seconds : base(*a) < base(*b);
  });
  return found;
}

}  // namespace pennypost::store
