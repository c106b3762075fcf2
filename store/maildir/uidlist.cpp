#include "store/maildir/uidlist.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/text.h"
#include "common/log/log.h"
#include "store/maildir/filename.h"

namespace pennypost::store {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t uidlist_bytes_max = 1ull << 30;
// The longest record: its numbers and a file name (NAME_MAX).
constexpr std::uint64_t line_bytes_max = 1024;
constexpr std::uint32_t uid_max = UINT32_MAX - 1;
// Of the header's fields.
constexpr char guid_letter = 'G';
constexpr char renewal_letter = 'R';

DotlockRule uidlist_rule(int brief_ms) {
  DotlockRule rule;
  rule.attempts = uidlist_lock_timeout / 100ms;
  rule.delay_ms = 100;
  rule.stale_seconds = 120;
  rule.brief_ms = brief_ms;
  return rule;
}

std::optional<std::uint32_t> parse_uid(std::string_view text) {
  auto number = parse_number(text);
  if (!number || *number == 0 || *number > uid_max) return {};
  return static_cast<std::uint32_t>(*number);
}

std::string_view next_word(std::string_view& text) {
  auto end = std::min(text.find(' '), text.size());
  auto word = text.substr(0, end);
  text.remove_prefix(end);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return word;
}

void append_number(std::string& out, std::uint32_t number) {
  std::array<char, 10> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_record(std::string& out, Uid uid, std::string_view extensions, std::string_view base) {
  append_number(out, uid.value());
  out += ' ';
  if (!extensions.empty()) out.append(extensions).append(" ");
  out.append(":").append(base).append("\n");
}

// The record's extensions, with the id for POP3 that it gets if it has none.
std::string with_unique_id(const UidRecords::Record& record, std::span<const StoredIds> ids) {
  std::string extensions(record.extensions);
  auto found = std::ranges::lower_bound(ids, record.uid, {}, &StoredIds::uid);
  bool is_given = found != ids.end() && found->uid == record.uid && !found->unique_id.empty();
  if (!is_given || !record.extension_text('P').empty()) return extensions;
  if (!extensions.empty()) extensions += ' ';
  return extensions + "P" + found->unique_id;
}

}  // namespace

UidList::UidList(std::string directory, std::function<Result<std::uint32_t>()> new_uid_validity,
                 int brief_lock_ms)
    : directory_(std::move(directory)),
      path_(directory_ + "/dovecot-uidlist"),
      new_uid_validity_(std::move(new_uid_validity)),
      brief_lock_ms_(brief_lock_ms) {}

Result<Dotlock> UidList::lock() const { return Dotlock::take(path_, uidlist_rule(brief_lock_ms_)); }

Result<void> UidList::await_others() const {
  if (!Dotlock::is_held_by_others(path_)) return {};
  TRY_DO(lock());
  return {};
}

std::string_view UidRecords::Record::extension_text(char letter) const {
  for (auto rest = extensions; !rest.empty();) {
    auto word = next_word(rest);
    if (word.starts_with(letter)) return word.substr(1);
  }
  return {};
}

std::optional<std::uint64_t> UidRecords::Record::extension(char letter) const {
  return parse_number(extension_text(letter));
}

void UidList::leave_memory_if_room() {
  if (in_memory_ && has_room(directory_)) in_memory_ = false;
}

Result<UidRecords> UidList::reread() {
  if (in_memory_) return refresh();
  forget();
  TRY(auto records, refresh());
  records.changed = records.anew = true;
  return records;
}

Result<UidRecords> UidList::refresh() {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno != ENOENT) return file_error("open", path_);
  if (!file && in_memory_) return UidRecords();
  if (!file) {
    UidRecords none;
    none.changed = none.anew = mark_.uid_validity != 0;
    forget();
    return none;
  }
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", path_);
  auto stamp = FileStamp::of(status);
  if (stamp == mark_.stamp) return UidRecords();
  bool grown = stamp.inode == mark_.stamp.inode && stamp.device == mark_.stamp.device &&
               stamp.size >= mark_.stamp.size && mark_.stamp.exists() && !mark_.old_version;
  if (!grown || !goes_on(file.number())) forget();
  return read_from(file.number(), mark_.read_bytes, stamp);
}

// Whether the last line that was read is still in the same place. Checking the inode is not enough:
// after two rewrites the file may have a removed file's inode again.
bool UidList::goes_on(int descriptor) const {
  auto wanted = std::min(mark_.read_bytes, line_bytes_max);
  auto text = read_range(descriptor, mark_.read_bytes - wanted, wanted, path_);
  if (!text || !text->ends_with('\n')) return false;
  std::string_view line = *text;
  line.remove_suffix(1);
  auto before = line.rfind('\n');
  if (mark_.count == 0) return before == std::string_view::npos && wanted == mark_.read_bytes;
  if (before == std::string_view::npos) return false;
  line.remove_prefix(before + 1);
  return parse_uid(next_word(line)) == mark_.last_uid;
}

Result<UidRecords> UidList::read_from(int descriptor, std::uint64_t offset,
                                      const FileStamp& stamp) {
  if (stamp.size > uidlist_bytes_max) return file_error("read", path_, EFBIG);
  TRY(auto text, read_range(descriptor, offset, stamp.size - offset, path_));
  UidRecords records(std::move(text));
  records.changed = true;
  records.anew = offset == 0;
  bool good = mark_.read(records);
  if (!good && offset != 0) {
    // Not a continuation of what was read before; it may be valid from the start.
    forget();
    return read_from(descriptor, 0, stamp);
  }
  if (!good) {
    TRY_DO(set_aside(stamp));
    UidRecords none;
    none.changed = none.anew = true;
    return none;
  }
  mark_.stamp = stamp;
  return records;
}

bool UidList::Mark::read(UidRecords& records) {
  auto rest = records.text();
  if (read_bytes == 0) records.all.reserve(rest.size() / 64);
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    auto line = rest.substr(0, end);
    bool good = read_bytes == 0 ? read_header(line) : read_record(line, records);
    if (!good) return false;
    rest.remove_prefix(end + 1);
    read_bytes += end + 1;
  }
  return true;
}

bool UidList::Mark::read_header(std::string_view line) {
  auto version = next_word(line);
  if (version == "1") {
    old_version = true;
    auto validity = parse_uid(next_word(line));
    auto next = parse_uid(next_word(line));
    if (!validity || !next) return false;
    uid_validity = *validity;
    next_uid = *next;
    return true;
  }
  if (version != "3") return false;
  std::optional<std::uint32_t> next;
  while (!line.empty()) {
    auto word = next_word(line);
    if (word.starts_with('V')) {
      uid_validity = parse_uid(word.substr(1)).value_or(0);
    } else if (word.starts_with('N')) {
      next = parse_uid(word.substr(1));
    } else if (!word.empty()) {
      if (!header_extensions.empty()) header_extensions += ' ';
      header_extensions += word;
    }
  }
  if (uid_validity == 0 || !next) return false;
  next_uid = *next;
  return true;
}

bool UidList::Mark::read_record(std::string_view line, UidRecords& records) {
  auto uid = parse_uid(next_word(line));
  if (!uid || *uid <= last_uid) return false;
  std::string_view extensions;
  if (!old_version) {
    // `W123 S456 :base`; only the base name may contain another colon.
    auto colon = line.starts_with(':') ? 0 : line.find(" :");
    if (colon == std::string_view::npos) return false;
    extensions = line.substr(0, colon);
    while (extensions.ends_with(' ')) extensions.remove_suffix(1);
    line.remove_prefix(colon == 0 ? 1 : colon + 2);
  }
  auto base = base_of(line);
  if (base.empty() || base.find('/') != std::string_view::npos) return false;
  const auto& record = records.all.emplace_back(Record{Uid(*uid), base, extensions});
  if (!extensions.empty()) {
    has_ids = has_ids || !record.extension_text('P').empty() || !record.extension_text('G').empty();
  }
  last_uid = *uid;
  ++count;
  next_uid = std::max(next_uid, *uid + 1);
  return true;
}

// Nothing in it can be trusted; the copy is for the administrator.
Result<void> UidList::set_aside(const FileStamp& damaged) {
  forget();
  // Another process may have replaced it by a good one meanwhile.
  if (FileStamp::of(path_) != damaged) return {};
  log_warning("store", path_ + " can't be read and is set aside as dovecot-uidlist.damaged: " +
                           "the folder's UIDs are assigned again");
  if (::rename(path_.c_str(), (path_ + ".damaged").c_str()) != 0 && errno != ENOENT) {
    return file_error("set aside", path_);
  }
  return {};
}

std::string_view UidList::header_text(char letter) const {
  for (std::string_view rest = mark_.header_extensions; !rest.empty();) {
    auto word = next_word(rest);
    if (word.starts_with(letter)) return word.substr(1);
  }
  return "";
}

std::string_view UidList::guid() const { return header_text(guid_letter); }

std::string UidList::identity() const {
  auto name = guid().empty() ? directory_ : std::string(guid());
  auto renewal = header_text(renewal_letter);
  if (!renewal.empty()) name.append(" ").append(renewal);
  return name;
}

Result<Uid> UidList::give(std::span<const std::string_view> bases, const Dotlock&) {
  if (mark_.next_uid + bases.size() > uid_max)
    return Error(550, ResponseCode::Limit, "the UIDs of " + path_ + " are used up")
        .told("The mailbox's UIDs are used up");
  bool is_new = mark_.uid_validity == 0;
  auto before = mark_;
  if (is_new) {
    TRY(mark_.uid_validity, new_uid_validity_());
    mark_.header_extensions = guid_letter + new_guid();
  }
  Uid first(mark_.next_uid);
  std::string text;
  text.reserve(bases.size() * 80);
  for (auto base : bases) append_record(text, Uid(mark_.next_uid++), "", base);
  if (!bases.empty()) mark_.last_uid = mark_.next_uid - 1;
  mark_.count += static_cast<std::uint32_t>(bases.size());
  Result<void> written;
  if (in_memory_) return first;
  if (is_new || mark_.old_version || mark_.read_bytes != mark_.stamp.size) {
    written = rewrite(text, [](const Record&) { return false; });
  } else if (!text.empty()) {
    written = append(text);
  }
  if (!written && is_new && is_no_room(written.error())) {
    log_warning("store", "going on without a uidlist: " + written.error().text());
    in_memory_ = true;
    return first;
  }
  if (!written) {
    // The next refresh() reads what is in the file now.
    mark_ = std::move(before);
    return std::move(written).error();
  }
  return first;
}

Result<void> UidList::append(std::string_view added) {
  TRY(auto file, open_file(path_, O_WRONLY | O_APPEND));
  auto written = write_all(file.number(), added, path_);
  if (written && ::fdatasync(file.number()) != 0) written = file_error("sync", path_);
  struct stat status {};
  if (written && ::fstat(file.number(), &status) != 0) written = file_error("stat", path_);
  if (!written) {
    cut_half_line();
    return written;
  }
  mark_.read_bytes += added.size();
  mark_.stamp = FileStamp::of(status);
  return {};
}

// Removes an incomplete last line, or what others append after it would be lost. Complete lines
// stay, since a reader may have seen them.
void UidList::cut_half_line() const {
  auto size = FileStamp::of(path_).size;
  auto file = open_file(path_, O_RDWR);
  auto known = mark_.read_bytes;
  if (!file || size <= known) return;
  auto added = read_range(file->number(), known, size - known, path_);
  if (!added) return;
  auto last = added->rfind('\n');
  auto kept = last == std::string::npos ? 0 : last + 1;
  (void)!::ftruncate(file->number(), static_cast<off_t>(known + kept));
}

Result<void> UidList::drop(const std::function<bool(const Record&)>& is_stale, const Dotlock&) {
  if (in_memory_) return {};
  auto written = rewrite("", is_stale);
  if (!written) forget();
  return written;
}

Result<void> UidList::renew(const std::function<bool(const Record&)>& is_stale,
                            const Dotlock& held) {
  std::string fields;
  for (std::string_view rest = mark_.header_extensions; !rest.empty();) {
    auto word = next_word(rest);
    if (!word.starts_with(renewal_letter)) fields.append(word).append(" ");
  }
  // As random as a GUID; half of one is enough to differ from those before.
  mark_.header_extensions = fields + renewal_letter + new_guid().substr(0, 16);
  return drop(is_stale, held);
}

Result<void> UidList::keep_unique_ids(std::span<const StoredIds> ids, const Dotlock&) {
  if (in_memory_ || ids.empty()) return {};
  auto written = rewrite(
      "", [](const Record&) { return false; }, ids);
  if (!written) forget();
  return written;
}

// Under the lock nobody else writes, so the file holds what was read, except for an incomplete line
// at the end.
Result<void> UidList::rewrite(std::string_view added,
                              const std::function<bool(const Record&)>& is_stale,
                              std::span<const StoredIds> ids) {
  UidList before(directory_, new_uid_validity_, brief_lock_ms_);
  TRY(auto records, before.refresh());
  std::string text =
      "3 V" + std::to_string(mark_.uid_validity) + " N" + std::to_string(mark_.next_uid);
  if (!mark_.header_extensions.empty()) text.append(" ").append(mark_.header_extensions);
  text += '\n';
  text.reserve(text.size() + records.text().size() + added.size());
  std::uint32_t dropped = 0;
  for (const auto& record : records.all) {
    if (is_stale(record)) {
      ++dropped;
    } else {
      append_record(text, record.uid, with_unique_id(record, ids), record.base);
    }
  }
  text += added;
  TRY_DO(replace_file(path_, path_ + ".tmp", text));
  TRY_DO(sync_directory(directory_));
  mark_.count -= std::min(mark_.count, dropped);
  mark_.old_version = false;
  mark_.read_bytes = text.size();
  mark_.stamp = FileStamp::of(path_);
  return {};
}

std::string new_guid() {
  std::array<char, 16> bytes{};
  ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return hex_encode(std::string_view(bytes.data(), bytes.size()));
}

}  // namespace pennypost::store
