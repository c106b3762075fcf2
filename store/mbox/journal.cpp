#include "store/mbox/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "common/base/text.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::size_t head_bytes = 128;
constexpr std::size_t copy_bytes = 256 * 1024;
constexpr std::string_view magic = "pennypost-mbox";
constexpr std::string_view states = "WCD";
constexpr std::uint64_t mbox_bytes_max = std::numeric_limits<off_t>::max();

}  // namespace

// --- writing -------------------------------------------------------------------------

Result<void> MboxJournal::start(std::uint64_t begin) {
  head_ = Head{};
  head_.begin = begin;
  TRY(head_.old_size, size());
  head_.new_size = begin;
  journal_ = place_.open(O_RDWR | O_CREAT | O_TRUNC);
  if (!journal_) return file_error("create", place_.path());
  auto started = write_head(head_);
  if (!started) discard();
  buffer_.clear();
  return started;
}

Result<void> MboxJournal::add(std::string_view bytes) {
  buffer_ += bytes;
  return buffer_.size() < copy_bytes ? Result<void>() : flush();
}

Result<void> MboxJournal::copy(std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    TRY(auto bytes, read_range(mbox_, from, std::min<std::uint64_t>(copy_bytes, to - from), path_));
    if (bytes.empty()) return file_error("read", path_, ENODATA);
    TRY_DO(add(bytes));
    from += bytes.size();
  }
  return {};
}

Result<void> MboxJournal::flush() {
  TRY_DO(disk_.write(journal_.number(), head_bytes + head_.new_size - head_.begin, buffer_,
                     place_.path()));
  head_.new_size += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> MboxJournal::commit() {
  auto prepare = [this]() -> Result<void> {
    TRY_DO(flush());
    TRY_DO(write_head(head_));
    TRY_DO(disk_.sync(journal_.number(), place_.path()));
    TRY_DO(disk_.sync_directory(place_));
    // The space is allocated before anything is overwritten.
    auto grown = head_.new_size > head_.old_size ? head_.new_size - head_.old_size : 0;
    int error = grown == 0 ? 0
                           : ::posix_fallocate(mbox_, static_cast<off_t>(head_.old_size),
                                               static_cast<off_t>(grown));
    if (error != 0) return file_error("extend", path_, error);
    head_.state = 'C';
    TRY_DO(write_head(head_));
    return disk_.sync(journal_.number(), place_.path());
  };
  auto prepared = prepare();
  if (!prepared) {
    head_.state = 'W';
    TRY_DO(undo(head_));
    return prepared;
  }
  auto copied = copy_back(head_);
  // The mbox is half changed; whatever the reason, recover() must do the rest.
  if (!copied) return Error(451, ResponseCode::Unavailable, std::string(copied.error().text()));
  return {};
}

Result<void> MboxJournal::write_head(const Head& head) {
  return disk_.write(journal_.number(), 0, head.text(), place_.path());
}

// Begins in state C. Everything here may be repeated.
Result<void> MboxJournal::copy_back(const Head& head) {
  for (auto at = head.begin; at < head.new_size;) {
    auto wanted = std::min<std::uint64_t>(copy_bytes, head.new_size - at);
    TRY(auto bytes,
        read_range(journal_.number(), head_bytes + at - head.begin, wanted, place_.path()));
    if (bytes.size() < wanted) return file_error("read", place_.path(), ENODATA);
    TRY_DO(disk_.write(mbox_, at, bytes, path_));
    at += bytes.size();
  }
  TRY_DO(disk_.sync(mbox_, path_));
  auto done = head;
  done.state = 'D';
  TRY(done.hash, hash_behind(head));
  TRY_DO(write_head(done));
  TRY_DO(disk_.sync(journal_.number(), place_.path()));
  return cut(done, std::max(head.old_size, head.new_size));
}

// Removes what lies between the new end and `extra_begin`, where others have appended since.
Result<void> MboxJournal::cut(const Head& head, std::uint64_t extra_begin) {
  if (extra_begin > head.new_size) {
    TRY_DO(move_down(extra_begin, head.new_size));
  }
  TRY_DO(disk_.sync(mbox_, path_));
  discard();
  return {};
}

Result<void> MboxJournal::move_down(std::uint64_t from, std::uint64_t to) {
  TRY(auto end, size());
  for (; from < end;) {
    TRY(auto bytes,
        read_range(mbox_, from, std::min<std::uint64_t>(copy_bytes, end - from), path_));
    if (bytes.empty()) return file_error("read", path_, ENODATA);
    TRY_DO(disk_.write(mbox_, to, bytes, path_));
    from += bytes.size();
    to += bytes.size();
  }
  return disk_.truncate(mbox_, to, path_);
}

// --- recovery ------------------------------------------------------------------------

Result<void> MboxJournal::recover() {
  journal_ = place_.open(O_RDWR);
  if (!journal_ && errno == ENOENT) return {};
  if (!journal_) return file_error("open", place_.path());
  TRY(auto text, read_range(journal_.number(), 0, head_bytes, place_.path()));
  auto head = Head::parse(text);
  if (!head) {
    discard();
    return {};
  }
  if (head->state == 'W') return undo(*head);
  if (head->state == 'C') return copy_back(*head);
  TRY(auto now, size());
  auto extra_begin = std::max(head->old_size, head->new_size);
  TRY(auto hash, hash_behind(*head));
  if (now >= extra_begin && hash == head->hash) return cut(*head, extra_begin);
  discard();
  return {};
}

// At most the mbox was extended, by zeros, with which no mail begins.
Result<void> MboxJournal::undo(const Head& head) {
  TRY(auto now, size());
  auto extended = std::max(head.old_size, head.new_size);
  if (now >= extended && extended > head.old_size) {
    TRY(auto first, read_range(mbox_, head.old_size, 1, path_));
    if (first == std::string(1, '\0')) {
      TRY_DO(move_down(extended, head.old_size));
    }
  } else if (now > head.old_size) {
    TRY(auto first, read_range(mbox_, head.old_size, 1, path_));
    if (first == std::string(1, '\0')) {
      TRY_DO(move_down(now, head.old_size));
    }
  }
  discard();
  return {};
}

std::optional<MboxJournalHead> MboxJournalHead::parse(std::string_view text) {
  auto parts = words(text.substr(0, text.find('\n')), " ");
  if (text.size() < head_bytes || parts.size() != 6 || parts[0] != magic) return {};
  MboxJournalHead head;
  std::array<std::uint64_t*, 4> numbers{&head.begin, &head.old_size, &head.new_size, &head.hash};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto number = parse_number(parts[i + 2]);
    if (!number) return {};
    *numbers[i] = *number;
  }
  head.state = parts[1].front();
  bool is_possible = states.find(head.state) != std::string_view::npos && parts[1].size() == 1 &&
                     head.begin <= std::min(head.old_size, head.new_size) &&
                     std::max(head.old_size, head.new_size) <= mbox_bytes_max;
  return is_possible ? std::optional(head) : std::nullopt;
}

std::string MboxJournalHead::text() const {
  std::string text(magic);
  text.append(" ").append(1, state);
  for (auto number : {begin, old_size, new_size, hash}) text += " " + std::to_string(number);
  text += '\n';
  text.resize(head_bytes, '\0');
  return text;
}

Result<std::uint64_t> MboxJournal::hash_behind(const Head& head) const {
  std::uint64_t hash = mbox_hash_start;
  auto end = std::max(head.old_size, head.new_size);
  for (auto at = head.new_size; at < end;) {
    TRY(auto bytes, read_range(mbox_, at, std::min<std::uint64_t>(copy_bytes, end - at), path_));
    if (bytes.empty()) break;
    hash = mbox_hash(bytes, hash);
    at += bytes.size();
  }
  return hash;
}

Result<std::uint64_t> MboxJournal::size() const {
  struct stat status {};
  if (::fstat(mbox_, &status) != 0) return file_error("stat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

void MboxJournal::discard() {
  place_.remove();
  journal_.close();
}

}  // namespace pennypost::store
