#include "store/mbox/layout.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "store/mailbox/dotlock.h"
#include "store/mailbox/file.h"
#include "store/mailbox/folder_store.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t state_bytes_max = 4096;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

std::string MboxLayout::file(const MailboxName& name) const {
  if (name.is_inbox()) return location_.inbox;
  return root() + "/" + modified_utf7_encode(name.text()).value_or("");
}

bool MboxLayout::exists(const MailboxName& name) const {
  if (name.is_inbox()) return true;
  struct stat status {};
  return ::stat(file(name).c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

Result<void> MboxLayout::require(const MailboxName& name) const {
  if (!exists(name)) return is_nonexistent(name);
  return prepare(name);
}

Result<void> MboxLayout::prepare(const MailboxName& name) const {
  auto path = file(name);
  if (!settings_.create_missing && name.is_inbox() && !FileStamp::of(path).exists()) {
    return missing_mailbox(path);
  }
  TRY_DO(make_directories(parent_of(path)));
  return make_directories(directory_beside());
}

Result<MboxLock> MboxLayout::lock(const MailboxName& name) const {
  TRY(auto lock, MboxLock::take(file(name), MboxLock::Kind::Write, settings_));
  TRY_DO(journal(name, lock.descriptor()).recover());
  return lock;
}

Result<MboxLock> MboxLayout::lock_existing(const MailboxName& name) const {
  if (name.is_inbox()) return lock(name);
  TRY(auto lock, MboxLock::take(file(name), MboxLock::Kind::Change, settings_));
  if (lock.descriptor() < 0) return is_nonexistent(name);
  TRY_DO(journal(name, lock.descriptor()).recover());
  return lock;
}

MboxJournal MboxLayout::journal(const MailboxName& name, int descriptor) const {
  return MboxJournal(descriptor, file(name), beside(name, ".journal"));
}

std::string MboxLayout::beside(const MailboxName& name, const char* suffix) const {
  std::string flat;
  for (char c : modified_utf7_encode(name.text()).value_or("")) {
    if (c == '%') {
      flat += "%25";
    } else if (c == '/') {
      flat += "%2F";
    } else {
      flat += c;
    }
  }
  return directory_beside() + "/" + flat + suffix;
}

std::optional<MboxLayout::State> MboxLayout::state(const MailboxName& name) const {
  auto text = read_file(beside(name, ".state"), state_bytes_max);
  if (!text || !*text) return {};
  auto parts = words(**text);
  if (parts.size() != 2) return {};
  auto validity = parse_number(parts[0]);
  auto next = parse_number(parts[1]);
  if (!validity || !next || *validity == 0 || *validity > UINT32_MAX || *next > UINT32_MAX)
    return {};
  State state;
  state.uid_validity = static_cast<std::uint32_t>(*validity);
  state.next_uid = static_cast<std::uint32_t>(*next);
  return state;
}

Result<void> MboxLayout::keep_state(const MailboxName& name, const State& state) const {
  auto text = std::to_string(state.uid_validity) + " " + std::to_string(state.next_uid) + "\n";
  return replace_file(beside(name, ".state"), beside(name, ".state.tmp"), text, settings_.fsync);
}

void MboxLayout::forget_state(const MailboxName& name) const {
  ::unlink(beside(name, ".state").c_str());
  ::unlink(beside(name, ".journal").c_str());
}

Result<std::uint32_t> MboxLayout::new_uid_validity() const {
  auto path = directory_beside() + "/uidvalidity";
  DotlockRule rule;
  rule.attempts = 100;
  rule.delay_ms = 50;
  TRY(auto lock, Dotlock::take(path, rule));
  TRY(auto text, read_file(path, state_bytes_max));
  auto last = parse_number(trim(text.value_or(""))).value_or(0);
  auto now = static_cast<std::uint64_t>(settings_.clock->now_seconds());
  auto next = std::max(now, last + 1);
  TRY_DO(replace_file(path, path + ".tmp", std::to_string(next) + "\n", settings_.fsync));
  return static_cast<std::uint32_t>(next);
}

}  // namespace pennypost::store
