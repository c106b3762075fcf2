#include "store/maildir/quota.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/quota_rules.h"
#include "store/maildir/filename.h"
#include "store/maildir/folder_list.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t file_bytes_max = 5120;
constexpr std::uint64_t read_bytes_max = 1 << 20;
constexpr std::uint64_t small_octets_max = 65536;
constexpr std::int64_t trusted_ns = 900'000'000'000;

std::optional<std::int64_t> parse_signed(std::string_view text) {
  std::int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// False if the sum overflows.
bool add_signed(std::int64_t& sum, std::int64_t more) {
  return !__builtin_add_overflow(sum, more, &sum);
}

Usage parse_limits(std::string_view line) {
  Usage limits;
  for (auto word : words(line, ",")) {
    auto value = parse_number(word.substr(0, word.size() - 1));
    if (!value || *value == 0) continue;
    if (word.back() == 'S') limits.bytes_max = *value;
    if (word.back() == 'C') limits.messages_max = *value;
  }
  return limits;
}

std::string limits_text(const Usage& limits) {
  std::vector<std::string> parts;
  if (limits.bytes_max) parts.push_back(std::to_string(*limits.bytes_max) + "S");
  if (limits.messages_max) parts.push_back(std::to_string(*limits.messages_max) + "C");
  return join(parts, ",");
}

bool same_limits(const Usage& a, const Usage& b) {
  return a.bytes_max == b.bytes_max && a.messages_max == b.messages_max;
}

bool has_limit(const Usage& usage) { return usage.bytes_max || usage.messages_max; }

bool fits(const Usage& usage, std::uint64_t bytes, std::uint64_t messages) {
  return (!usage.bytes_max || usage.bytes + bytes <= *usage.bytes_max) &&
         (!usage.messages_max || usage.messages + messages <= *usage.messages_max);
}

// Adds the content of one of a folder's directories; a missing one is empty.
Result<void> count_directory(const std::string& path, std::size_t messages_max, Usage& usage) {
  if (!FileStamp::of(path).exists()) return {};
  return list_directory(path, messages_max, [&](std::string_view name, unsigned char) {
    if (name.starts_with('.')) return;
    // The file's actual size: the size in a name could be forged.
    auto size = FileStamp::of(path + "/" + std::string(name)).size;
    usage.bytes += std::min(size, UINT64_MAX - usage.bytes);
    ++usage.messages;
  });
}

}  // namespace

MaildirSize MaildirSize::parse(std::string_view text) {
  auto lines = split(text, '\n');
  MaildirSize size;
  size.usage = parse_limits(lines.front());
  std::int64_t bytes = 0;
  std::int64_t messages = 0;
  for (auto line : std::span(lines).subspan(1)) {
    auto parts = words(line);
    if (parts.empty()) continue;
    auto more = parse_signed(parts.front());
    auto more_messages = parse_signed(parts.back());
    size.is_sound = parts.size() == 2 && more && more_messages && add_signed(bytes, *more) &&
                    add_signed(messages, *more_messages);
    if (!size.is_sound) return size;
  }
  size.is_sound = bytes >= 0 && messages >= 0;
  if (!size.is_sound) return size;
  size.usage.bytes = static_cast<std::uint64_t>(bytes);
  size.usage.messages = static_cast<std::uint64_t>(messages);
  return size;
}

MaildirQuota::MaildirQuota(const MailLocation& location, const StoreSettings& settings)
    : location_(location),
      path_(lists_directory(location) + "/maildirsize"),
      rules_(settings.quota_rules),
      exceeded_code_(settings.quota_exceeded_code),
      exceeded_message_(settings.quota_exceeded_message),
      clock_(settings.clock),
      folders_max_(settings.folders_max),
      depth_max_(std::max(settings.folder_depth_max, MailboxName::levels_max)),
      messages_max_(settings.messages_max) {
  configured_.bytes_max = settings.quota_bytes;
  configured_.messages_max = settings.quota_messages;
}

Result<Usage> MaildirQuota::usage() const {
  TRY(auto state, read());
  if (state) return state->usage;
  return recount(configured_, FileStamp{});
}

bool MaildirQuota::ignores(std::string_view mailbox) const {
  return rules_ && rules_->ignores(mailbox);
}

Usage MaildirQuota::with_limits_of(std::string_view mailbox, Usage usage) const {
  if (!rules_) return usage;
  auto limits = rules_->limits_in(mailbox, {usage.bytes_max, usage.messages_max});
  usage.bytes_max = limits.bytes;
  usage.messages_max = limits.messages;
  return usage;
}

Result<std::optional<Usage>> MaildirQuota::usage_if_limited() const {
  TRY(auto state, read());
  if (state) return has_limit(state->usage) ? std::optional(state->usage) : std::nullopt;
  if (!has_limit(configured_)) return std::optional<Usage>();
  TRY(auto counted, recount(configured_, FileStamp{}));
  return std::optional(counted);
}

Result<void> MaildirQuota::check(std::string_view mailbox, std::uint64_t bytes,
                                 std::uint64_t messages) const {
  if (ignores(mailbox)) return {};
  TRY(auto state, read());
  if (!state && !has_limit(configured_)) return {};
  Usage usage;
  if (state) {
    usage = state->usage;
  } else {
    TRY(usage, recount(configured_, FileStamp{}));
  }
  const bool is_full = !fits(with_limits_of(mailbox, usage), bytes, messages);
  if (is_full && state && state->may_be_wrong) {
    TRY(usage, recount(usage, state->stamp));
  }
  usage = with_limits_of(mailbox, usage);
  if (fits(usage, bytes, messages)) return {};
  bool alone = usage.bytes_max && bytes > *usage.bytes_max;
  std::string why = alone ? "The message is larger than the mailbox's quota" : exceeded_message_;
  return Error(alone ? 552 : exceeded_code_, ResponseCode::OverQuota, why).told(why);
}

Result<void> MaildirQuota::foresee(std::string_view mailbox, std::uint64_t octets,
                                   std::uint64_t messages) const {
  if (octets <= small_octets_max) return {};
  return check(mailbox, octets / 2, messages);
}

void MaildirQuota::add(std::string_view mailbox, std::int64_t bytes, std::int64_t messages) const {
  if (ignores(mailbox)) return;
  Descriptor file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file) return;
  auto line = std::to_string(bytes) + " " + std::to_string(messages) + "\n";
  (void)!::write(file.number(), line.data(), line.size());
}

Result<Usage> MaildirQuota::recount() const {
  auto stamp = FileStamp::of(path_);
  TRY(auto state, read());
  return recount(state ? state->usage : configured_, state ? state->stamp : stamp);
}

Result<void> MaildirQuota::refresh() const {
  TRY(auto state, read());
  if (state) {
    TRY_DO(recount(state->usage, state->stamp));
  }
  return {};
}

Result<std::optional<MaildirQuota::State>> MaildirQuota::read() const {
  // A rule that lifts the limit holds against what the file still says.
  const bool is_lifted = rules_ && rules_->names_account() && !has_limit(configured_);
  if (is_lifted) ::unlink(path_.c_str());
  State state;
  state.stamp = FileStamp::of(path_);
  TRY(auto text, read_file(path_, read_bytes_max));
  if (!text) return std::optional<State>();
  auto found = MaildirSize::parse(*text);
  state.usage = found.usage;
  bool other_limits = has_limit(configured_) && !same_limits(configured_, state.usage);
  if (!found.is_sound || other_limits || text->size() > file_bytes_max) {
    TRY(state.usage, recount(other_limits ? configured_ : state.usage, state.stamp));
    return std::optional<State>(state);
  }
  auto now_ns = std::chrono::nanoseconds(clock_->now()).count();
  state.may_be_wrong = state.stamp.mtime_ns + trusted_ns < now_ns;
  return std::optional<State>(state);
}

Result<Usage> MaildirQuota::recount(const Usage& limits, const FileStamp& seen) const {
  std::vector<std::string> folders;
  if (!ignores("INBOX")) folders.push_back(location_.inbox);
  TRY(auto listed, list_folders(location_, {folders_max_, depth_max_}));
  for (auto& folder : listed) {
    if (folder.has_messages && !ignores(folder.name)) {
      folders.push_back(std::move(folder.directory));
    }
  }
  Usage usage;
  usage.bytes_max = limits.bytes_max;
  usage.messages_max = limits.messages_max;
  for (const auto& folder : folders) {
    TRY_DO(count_directory(folder + "/new", messages_max_, usage));
    TRY_DO(count_directory(folder + "/cur", messages_max_, usage));
  }
  if (has_limit(usage) && FileStamp::of(location_.root).exists()) {
    auto text = limits_text(usage) + "\n" + std::to_string(usage.bytes) + " " +
                std::to_string(usage.messages) + "\n";
    TRY_DO(put(text, seen));
  }
  return usage;
}

// Does nothing if others have appended to the file or replaced it since `seen`: that would be lost.
Result<void> MaildirQuota::put(const std::string& text, const FileStamp& seen) const {
  auto lists = lists_directory(location_);
  bool has_tmp = lists == location_.inbox;
  auto scratch = has_tmp ? lists + "/tmp" : lists;
  TRY_DO(make_directories(scratch));
  auto beside = scratch + "/maildirsize." + unique_filename(clock_->now().count(), "localhost");
  if (seen.exists()) {
    if (FileStamp::of(path_) != seen) return {};
    return replace_file(path_, beside, text, false);
  }
  TRY(auto file, open_file(beside, O_WRONLY | O_CREAT | O_EXCL));
  auto written = write_all(file.number(), text, beside);
  if (written && ::link(beside.c_str(), path_.c_str()) != 0 && errno != EEXIST) {
    written = file_error("create", path_);
  }
  ::unlink(beside.c_str());
  return written;
}

}  // namespace pennypost::store
