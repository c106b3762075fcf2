#include "store/mbox/gap.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <limits>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::string_view magic = "pennypost-gap";
constexpr std::uint64_t half_bytes = MboxGap::reserve_bytes / 2;
// Copied at a time if the gap is so wide that no payload is needed.
constexpr std::uint64_t wide_bytes_max = 1 << 20;
constexpr std::uint64_t hashed_bytes_max = 64 << 10;
constexpr std::uint64_t mbox_bytes_max = std::numeric_limits<off_t>::max();

std::uint64_t offset_of_half(std::uint64_t sequence) { return sequence % 2 * half_bytes; }

}  // namespace

// --- the record ----------------------------------------------------------------------

std::string MboxGapRecord::text() const {
  std::string text(magic);
  text.append(" ").append(1, state);
  for (auto number : {sequence, begin, end, size, at, carried, hash}) {
    text += " " + std::to_string(number);
  }
  text += " " + std::to_string(mbox_hash(text)) + "\n";
  text.resize(bytes, '\0');
  return text;
}

std::optional<MboxGapRecord> MboxGapRecord::parse(std::string_view text) {
  auto parts = words(text.substr(0, text.find('\n')), " ");
  if (text.size() < bytes || parts.size() != 10 || parts[0] != magic) return {};
  MboxGapRecord record;
  record.state = parts[1].front();
  std::array<std::uint64_t*, 7> numbers{&record.sequence, &record.begin, &record.end,
                                        &record.size,     &record.at,    &record.carried,
                                        &record.hash};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto number = parse_number(parts[i + 2]);
    if (!number) return {};
    *numbers[i] = *number;
  }
  if (record.text() != text.substr(0, bytes)) return {};
  bool is_possible = (record.state == 'G' || record.state == 'F') && record.begin <= record.end &&
                     record.end <= record.size && record.size <= mbox_bytes_max &&
                     record.carried <= MboxGap::payload_bytes_max &&
                     record.at <= record.size - std::min(record.size, record.carried);
  return is_possible ? std::optional(record) : std::nullopt;
}

// --- steps ---------------------------------------------------------------------------

Result<void> MboxGap::lay_out(const FilePlace& reserve, MboxDisk& disk) {
  auto file = reserve.create(O_WRONLY, 0600);
  if (!file) return file_error("create", reserve.path());
  auto written = disk.write(file.number(), 0, std::string(reserve_bytes, '\0'), reserve.path());
  if (!written) reserve.remove();
  return written;
}

Result<void> MboxGap::open(std::uint64_t begin, std::uint64_t end) {
  reserve_ = place_.open(O_RDWR);
  if (!reserve_) return file_error("open", place_.path());
  // A journal that was removed before must not come back.
  TRY_DO(disk_.sync_directory(place_));
  record_ = MboxGapRecord{};
  TRY(record_.size, size());
  auto opened = step("", begin, begin, end);
  if (!opened) (void)forget();
  return opened;
}

// Records the step durably before it is done.
Result<void> MboxGap::step(std::string_view bytes, std::uint64_t at, std::uint64_t begin,
                           std::uint64_t end) {
  ++record_.sequence;
  record_.begin = begin;
  record_.end = end;
  record_.at = at;
  record_.carried = bytes.size();
  record_.hash = mbox_hash(bytes);
  TRY_DO(write_record(bytes));
  if (bytes.empty()) return {};
  TRY_DO(disk_.write(mbox_, at, bytes, path_));
  return disk_.sync(mbox_, path_);
}

Result<void> MboxGap::write_record(std::string_view payload) {
  auto half = offset_of_half(record_.sequence);
  if (!payload.empty()) {
    TRY_DO(disk_.write(reserve_.number(), half + MboxGapRecord::bytes, payload, place_.path()));
  }
  TRY_DO(disk_.write(reserve_.number(), half, record_.text(), place_.path()));
  return disk_.sync(reserve_.number(), place_.path());
}

Result<void> MboxGap::advance(std::uint64_t octets) {
  while (octets > 0) {
    auto gap = end() - begin();
    if (gap > payload_bytes_max) {
      // Copying into the gap leaves the source as it is, so the record may come afterwards.
      TRY(auto bytes, read(end(), std::min({octets, gap, wide_bytes_max})));
      TRY_DO(disk_.write(mbox_, begin(), bytes, path_));
      TRY_DO(disk_.sync(mbox_, path_));
      octets -= bytes.size();
      TRY_DO(step("", begin(), begin() + bytes.size(), end() + bytes.size()));
      continue;
    }
    TRY(auto bytes, read(end(), std::min(octets, payload_bytes_max)));
    octets -= bytes.size();
    TRY_DO(step(bytes, begin(), begin() + bytes.size(), end() + bytes.size()));
  }
  return {};
}

Result<void> MboxGap::retreat(std::uint64_t octets) {
  while (octets > 0) {
    auto count = std::min(octets, payload_bytes_max);
    TRY(auto bytes, read(begin() - count, count));
    octets -= count;
    TRY_DO(step(bytes, end() - count, begin() - count, end() - count));
  }
  return {};
}

bool MboxGap::fits(std::uint64_t octets, std::string_view bytes) const {
  return bytes.size() <= payload_bytes_max && begin() + bytes.size() <= end() + octets;
}

Result<void> MboxGap::replace(std::uint64_t octets, std::string_view bytes) {
  ASSERT(fits(octets, bytes));
  return step(bytes, begin(), begin() + bytes.size(), end() + octets);
}

Result<void> MboxGap::close() {
  // The replacements have filled the whole gap.
  if (begin() == end()) return forget();
  TRY(auto now, size());
  TRY_DO(advance(now - std::min(now, end())));
  ++record_.sequence;
  record_.state = 'F';
  record_.size = end();
  record_.at = record_.carried = 0;
  TRY(record_.hash, hash_of_gap());
  TRY_DO(write_record(""));
  TRY_DO(disk_.truncate(mbox_, begin(), path_));
  TRY_DO(disk_.sync(mbox_, path_));
  return forget();
}

Result<void> MboxGap::forget() {
  const std::string none(MboxGapRecord::bytes, '\0');
  auto last = offset_of_half(record_.sequence);
  // The older record first: it must never count alone.
  TRY_DO(disk_.write(reserve_.number(), half_bytes - last, none, place_.path()));
  TRY_DO(disk_.write(reserve_.number(), last, none, place_.path()));
  reserve_.close();
  return {};
}

// --- recovery ------------------------------------------------------------------------

Result<void> MboxGap::recover() {
  reserve_ = place_.open(O_RDWR);
  if (!reserve_ && errno == ENOENT) return {};
  if (!reserve_) return file_error("open", place_.path());
  TRY(auto first, read_record(0));
  TRY(auto second, read_record(1));
  if (!first && !second) return {};
  bool is_second_newer = second && (!first || second->sequence > first->sequence);
  record_ = is_second_newer ? *second : *first;
  const auto& other = is_second_newer ? first : second;
  if (record_.state == 'G') {
    TRY(auto payload, payload_of(record_));
    bool is_whole = mbox_hash(payload) == record_.hash;
    if (!is_whole && !other) return forget();
    if (!is_whole) record_ = *other;
  }
  TRY(bool open, is_open());
  if (!open) return forget();
  TRY_DO(repeat_step());
  record_.state = 'G';
  // Mail appended since belongs to the mbox.
  TRY(record_.size, size());
  return close();
}

// Whether the gap is still in the mbox: it was not cut off, and no other program rewrote the file.
Result<bool> MboxGap::is_open() const {
  TRY(auto now, size());
  if (now < record_.size) return false;
  if (record_.state == 'G') return true;
  TRY(auto hash, hash_of_gap());
  return hash == record_.hash;
}

Result<void> MboxGap::repeat_step() {
  if (record_.state != 'G' || record_.carried == 0) return {};
  TRY(auto payload, payload_of(record_));
  TRY_DO(disk_.write(mbox_, record_.at, payload, path_));
  return disk_.sync(mbox_, path_);
}

Result<std::optional<MboxGapRecord>> MboxGap::read_record(int half) const {
  TRY(auto text, read_range(reserve_.number(), static_cast<std::uint64_t>(half) * half_bytes,
                            MboxGapRecord::bytes, place_.path()));
  return MboxGapRecord::parse(text);
}

Result<std::string> MboxGap::payload_of(const MboxGapRecord& record) const {
  return read_range(reserve_.number(), offset_of_half(record.sequence) + MboxGapRecord::bytes,
                    record.carried, place_.path());
}

// --- reading -------------------------------------------------------------------------

Result<std::uint64_t> MboxGap::hash_of_gap() const {
  TRY(auto bytes, read(begin(), std::min(end() - begin(), hashed_bytes_max)));
  return mbox_hash(bytes);
}

Result<std::string> MboxGap::read(std::uint64_t from, std::uint64_t octets) const {
  TRY(auto bytes, read_range(mbox_, from, octets, path_));
  if (bytes.size() < octets) return file_error("read", path_, ENODATA);
  return bytes;
}

Result<std::uint64_t> MboxGap::size() const {
  struct stat status {};
  if (::fstat(mbox_, &status) != 0) return file_error("stat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace pennypost::store
