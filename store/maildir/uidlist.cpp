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

constexpr std::uint64_t uidlist_bytes_max = 1ull << 30;
constexpr std::uint32_t uid_max = UINT32_MAX - 1;

// Dovecot waits for up to two minutes and two seconds: the age at which it breaks a lock.
DotlockRule uidlist_rule() {
  DotlockRule rule;
  rule.attempts = 1220;
  rule.delay_ms = 100;
  rule.stale_seconds = 120;
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

void append_record(std::string& out, const UidList::Record& record) {
  append_number(out, record.uid.value());
  out += ' ';
  if (!record.extensions.empty()) out.append(record.extensions).append(" ");
  out.append(":").append(record.base).append("\n");
}

}  // namespace

UidList::UidList(std::string directory, std::function<Result<std::uint32_t>()> new_uid_validity)
    : directory_(std::move(directory)),
      path_(directory_ + "/dovecot-uidlist"),
      new_uid_validity_(std::move(new_uid_validity)) {}

Result<Dotlock> UidList::lock() const { return Dotlock::take(path_, uidlist_rule()); }

Result<bool> UidList::refresh() {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno != ENOENT) return file_error("open", path_);
  if (!file) {
    bool had_one = stamp_.exists();
    forget();
    return had_one;
  }
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", path_);
  auto stamp = FileStamp::of(status);
  if (stamp == stamp_) return false;
  bool grown = stamp.inode == stamp_.inode && stamp.device == stamp_.device &&
               stamp.size >= stamp_.size && stamp_.exists() && !old_version_;
  if (!grown) forget();
  TRY_DO(read_from(file.number(), grown ? read_bytes_ : 0, stamp));
  return true;
}

Result<void> UidList::read_from(int descriptor, std::uint64_t offset, const FileStamp& stamp) {
  if (stamp.size > uidlist_bytes_max) return file_error("read", path_, EFBIG);
  TRY(auto text, read_range(descriptor, offset, stamp.size - offset, path_));
  std::string_view rest = text;
  for (;;) {
    auto end = rest.find('\n');
    if (end == std::string_view::npos) break;
    auto line = rest.substr(0, end);
    bool good = offset == 0 && read_bytes_ == 0 ? parse_header(line) : parse_record(line);
    if (!good) return set_aside();
    rest.remove_prefix(end + 1);
    read_bytes_ += end + 1;
  }
  stamp_ = stamp;
  return {};
}

bool UidList::parse_header(std::string_view line) {
  auto version = next_word(line);
  if (version == "1") {
    old_version_ = true;
    auto uid_validity = parse_uid(next_word(line));
    auto next_uid = parse_uid(next_word(line));
    if (!uid_validity || !next_uid) return false;
    uid_validity_ = *uid_validity;
    next_uid_ = *next_uid;
    return true;
  }
  if (version != "3") return false;
  std::optional<std::uint32_t> next_uid;
  while (!line.empty()) {
    auto word = next_word(line);
    if (word.starts_with('V')) {
      uid_validity_ = parse_uid(word.substr(1)).value_or(0);
    } else if (word.starts_with('N')) {
      next_uid = parse_uid(word.substr(1));
    } else if (!word.empty()) {
      if (!header_extensions_.empty()) header_extensions_ += ' ';
      header_extensions_ += word;
    }
  }
  if (uid_validity_ == 0 || !next_uid) return false;
  next_uid_ = *next_uid;
  return true;
}

bool UidList::parse_record(std::string_view line) {
  auto uid = parse_uid(next_word(line));
  if (!uid || (!records_.empty() && *uid <= records_.back().uid.value())) return false;
  std::string extensions;
  while (!old_version_ && !line.starts_with(':')) {
    auto word = next_word(line);
    if (word.empty()) return false;
    if (!extensions.empty()) extensions += ' ';
    extensions += word;
  }
  if (!old_version_) line.remove_prefix(1);
  auto base = base_of(line);
  if (base.empty() || base.find('/') != std::string_view::npos) return false;
  records_.push_back(Record{Uid(*uid), std::string(base), std::move(extensions)});
  next_uid_ = std::max(next_uid_, *uid + 1);
  return true;
}

// Nothing in it can be trusted; the copy is for the admin's eyes.
Result<void> UidList::set_aside() {
  forget();
  log_warning("store", path_ + " can't be read and is set aside as dovecot-uidlist.damaged: " +
                           "the folder's UIDs are given anew");
  if (::rename(path_.c_str(), (path_ + ".damaged").c_str()) != 0 && errno != ENOENT) {
    return file_error("set aside", path_);
  }
  return {};
}

void UidList::forget() {
  uid_validity_ = 0;
  next_uid_ = 1;
  header_extensions_.clear();
  records_.clear();
  old_version_ = false;
  read_bytes_ = 0;
  stamp_ = {};
}

std::string_view UidList::guid() const {
  for (auto word : split(header_extensions_, ' ')) {
    if (word.starts_with('G')) return word.substr(1);
  }
  return "";
}

std::optional<std::uint64_t> UidList::extension(Uid uid, char letter) const {
  auto at = std::ranges::lower_bound(records_, uid, {}, &Record::uid);
  if (at == records_.end() || at->uid != uid) return {};
  for (auto word : split(at->extensions, ' ')) {
    if (word.starts_with(letter)) return parse_number(word.substr(1));
  }
  return {};
}

Result<std::vector<Uid>> UidList::give(const std::vector<std::string>& bases, const Dotlock&) {
  if (next_uid_ + bases.size() > uid_max)
    return Error(550, "[LIMIT] the UIDs of " + path_ + " are used up");
  bool is_new = uid_validity_ == 0;
  if (is_new) {
    TRY(uid_validity_, new_uid_validity_());
    header_extensions_ = "G" + new_guid();
  }
  std::vector<Uid> uids;
  std::string text;
  for (const auto& base : bases) {
    records_.push_back(Record{Uid(next_uid_++), base, ""});
    uids.push_back(records_.back().uid);
    append_record(text, records_.back());
  }
  if (is_new || old_version_ || read_bytes_ != stamp_.size) {
    TRY_DO(rewrite());
    return uids;
  }
  if (text.empty()) return uids;
  TRY(auto file, open_file(path_, O_WRONLY | O_APPEND));
  auto written = write_all(file.number(), text, path_);
  if (written && ::fdatasync(file.number()) != 0) written = file_error("sync", path_);
  if (!written) {
    cut_half_line();
    forget();
    return std::move(written).error();
  }
  read_bytes_ += text.size();
  stamp_ = FileStamp::of(path_);
  return uids;
}

// What others append behind half a line would be lost with it. Whole lines stay: a reader may have
// seen them.
void UidList::cut_half_line() const {
  auto size = FileStamp::of(path_).size;
  auto file = open_file(path_, O_RDWR);
  if (!file || size <= read_bytes_) return;
  auto added = read_range(file->number(), read_bytes_, size - read_bytes_, path_);
  if (!added) return;
  auto last = added->rfind('\n');
  auto kept = last == std::string::npos ? 0 : last + 1;
  (void)!::ftruncate(file->number(), static_cast<off_t>(read_bytes_ + kept));
}

Result<void> UidList::drop(const std::vector<Uid>& gone, const Dotlock&) {
  std::erase_if(records_, [&gone](const Record& record) {
    return std::binary_search(gone.begin(), gone.end(), record.uid);
  });
  return rewrite();
}

Result<void> UidList::rewrite() {
  std::string text = "3 V" + std::to_string(uid_validity_) + " N" + std::to_string(next_uid_);
  if (!header_extensions_.empty()) text.append(" ").append(header_extensions_);
  text += '\n';
  text.reserve(text.size() + records_.size() * 64);
  for (const auto& record : records_) append_record(text, record);
  auto replaced = replace_file(path_, path_ + ".tmp", text);
  if (replaced) replaced = sync_directory(directory_);
  if (!replaced) {
    forget();
    return replaced;
  }
  old_version_ = false;
  read_bytes_ = text.size();
  stamp_ = FileStamp::of(path_);
  return {};
}

std::string new_guid() {
  std::array<char, 16> bytes{};
  ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return hex_encode(std::string_view(bytes.data(), bytes.size()));
}

}  // namespace pennypost::store
