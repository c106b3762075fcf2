#include "store/mbox/state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "store/mailbox/dotlock.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t state_bytes_max = 4096;

/// Opens a directory if the account owns it; no descriptor if it is missing.
Result<Descriptor> open_own(int above, const std::string& name, const std::string& path) {
  Descriptor directory(::openat(above, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) return directory;
  struct stat status {};
  if (!directory || ::fstat(directory.number(), &status) != 0) return file_error("open", path);
  if (!is_own(status)) return distrusted(path);
  return directory;
}

/// The name of a mailbox as a single path component.
std::string flat(const MailboxName& name) {
  std::string text;
  for (char c : modified_utf7_encode(name.text()).value_or("")) {
    if (c == '%') {
      text += "%25";
    } else if (c == '/') {
      text += "%2F";
    } else {
      text += c;
    }
  }
  return text;
}

std::optional<MboxState::Uids> parse(std::string_view text) {
  auto parts = words(text);
  if (parts.size() != 2) return {};
  auto validity = parse_number(parts[0]);
  auto next = parse_number(parts[1]);
  if (!validity || !next || *validity == 0 || *validity > UINT32_MAX || *next > UINT32_MAX) {
    return {};
  }
  MboxState::Uids uids;
  uids.uid_validity = static_cast<std::uint32_t>(*validity);
  uids.next_uid = static_cast<std::uint32_t>(*next);
  return uids;
}

}  // namespace

MboxState::MboxState(const std::string& index, bool fsync, MboxDisk& disk)
    : path_(index.empty() ? "" : index + "/.imap/.pennypost"), fsync_(fsync), disk_(disk) {}

// --- the directory -------------------------------------------------------------------

Result<std::shared_ptr<const Descriptor>> MboxState::open(Missing missing) const {
  std::shared_ptr<const Descriptor> none;
  if (path_.empty() && missing == Missing::Leave) return none;
  if (missing == Missing::Make) {
    TRY_DO(make_directories(path_));
  }
  auto above = path_.substr(0, path_.rfind('/'));
  TRY(auto upper, open_own(AT_FDCWD, above, above));
  if (!upper) return none;
  TRY(auto directory, open_own(upper.number(), path_.substr(above.size() + 1), path_));
  if (!directory) return none;
  return std::make_shared<const Descriptor>(std::move(directory));
}

// An existing file, if the account owns it.
Result<std::optional<FilePlace>> MboxState::existing(const std::string& name) const {
  TRY(auto directory, open(Missing::Leave));
  return existing(std::move(directory), name);
}

Result<std::optional<FilePlace>> MboxState::existing(std::shared_ptr<const Descriptor> directory,
                                                     const std::string& name) const {
  std::optional<FilePlace> none;
  if (!directory) return none;
  FilePlace place(std::move(directory), path_, name);
  struct stat status {};
  if (!place.look(status)) {
    if (errno == ENOENT) return none;
    return file_error("look at", place.path());
  }
  bool is_trusted = S_ISREG(status.st_mode) && status.st_nlink == 1 && is_own(status);
  if (!is_trusted) return distrusted(place.path());
  return std::optional(std::move(place));
}

Result<std::optional<std::string>> MboxState::read(const FilePlace& place) const {
  auto file = place.open(O_RDONLY);
  if (!file && errno == ENOENT) return std::optional<std::string>();
  if (!file) return file_error("open", place.path());
  TRY(auto text, read_range(file.number(), 0, state_bytes_max, place.path()));
  return std::optional(std::move(text));
}

Result<void> MboxState::replace(const FilePlace& place, std::string_view text) const {
  auto beside = place.with_suffix(".tmp");
  beside.remove();
  auto file = beside.create(O_WRONLY, 0600);
  if (!file && (errno == ENOSPC || errno == EDQUOT)) return overwrite(place, text);
  if (!file) return file_error("create", beside.path());
  auto written = disk_.write(file.number(), 0, text, beside.path());
  if (written && fsync_) written = disk_.sync(file.number(), beside.path());
  if (written && !beside.rename_to(place)) written = file_error("replace", place.path());
  if (!written) beside.remove();
  return !written && is_no_room(written.error()) ? overwrite(place, text) : written;
}

// For a full disk: overwrites the old text with one write, which a reader sees whole or not at all.
Result<void> MboxState::overwrite(const FilePlace& place, std::string_view text) const {
  auto file = place.open(O_WRONLY);
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) {
    return file_error("create", place.path(), ENOSPC);
  }
  std::string padded(text);
  auto old_bytes = static_cast<std::size_t>(status.st_size);
  if (old_bytes > padded.size()) padded.insert(padded.size() - 1, old_bytes - padded.size(), ' ');
  auto written = disk_.write(file.number(), 0, padded, place.path());
  if (written && fsync_) written = disk_.sync(file.number(), place.path());
  return written;
}

// --- UIDs ----------------------------------------------------------------------------

Result<std::optional<MboxState::Uids>> MboxState::uids(const MailboxName& name) const {
  TRY(auto place, existing(flat(name) + ".state"));
  if (!place) return std::optional<Uids>();
  TRY(auto text, read(*place));
  return parse(text.value_or(""));
}

Result<void> MboxState::keep(const MailboxName& name, const Uids& uids) const {
  TRY(auto directory, open(Missing::Make));
  FilePlace place(std::move(directory), path_, flat(name) + ".state");
  return replace(place,
                 std::to_string(uids.uid_validity) + " " + std::to_string(uids.next_uid) + "\n");
}

Result<void> MboxState::forget(const MailboxName& name) const {
  TRY(auto directory, open(Missing::Leave));
  if (!directory) return {};
  for (const char* suffix : {".state", ".journal", ".reserve", ".meta"}) {
    FilePlace(directory, path_, flat(name) + suffix).remove();
  }
  return {};
}

Result<std::uint32_t> MboxState::new_uid_validity(const Clock& clock) const {
  TRY(auto directory, open(Missing::Make));
  FilePlace place(std::move(directory), path_, "uidvalidity");
  DotlockRule rule;
  rule.attempts = 100;
  rule.delay_ms = 50;
  TRY(auto lock, Dotlock::take(place, rule));
  std::uint64_t last = 0;
  TRY(auto kept, existing("uidvalidity"));
  if (kept) {
    TRY(auto text, read(*kept));
    last = parse_number(trim(text.value_or(""))).value_or(0);
  }
  auto next = std::max(static_cast<std::uint64_t>(clock.now_seconds()), last + 1);
  TRY_DO(replace(place, std::to_string(next) + "\n"));
  return static_cast<std::uint32_t>(next);
}

// --- annotations ---------------------------------------------------------------------

Result<std::string> MboxState::annotations(const std::optional<MailboxName>& name) const {
  TRY_DO(open(Missing::Make));
  return path_ + "/" + (name ? flat(*name) : "%account") + ".meta";
}

FileStamp MboxState::annotations_stamp(const MailboxName& name) const {
  return path_.empty() ? FileStamp() : FileStamp::of(path_ + "/" + flat(name) + ".meta");
}

Result<void> MboxState::move_annotations(const MailboxName& from, const MailboxName& to) const {
  TRY(auto place, existing(flat(from) + ".meta"));
  if (!place) return {};
  TRY(auto directory, open(Missing::Leave));
  FilePlace target(std::move(directory), path_, flat(to) + ".meta");
  if (!place->rename_to(target)) return file_error("rename", place->path());
  return {};
}

// --- journals ------------------------------------------------------------------------

Result<MboxState::LeftByRewrite> MboxState::left_by_rewrite(const MailboxName& name) const {
  LeftByRewrite left;
  TRY(auto directory, open(Missing::Leave));
  TRY(left.journal, existing(directory, flat(name) + ".journal"));
  TRY(left.reserve, existing(std::move(directory), flat(name) + ".reserve"));
  return left;
}

Result<FilePlace> MboxState::new_journal(const MailboxName& name) const {
  TRY(auto directory, open(Missing::Make));
  return FilePlace(std::move(directory), path_, flat(name) + ".journal");
}

Result<FilePlace> MboxState::new_reserve(const MailboxName& name) const {
  TRY(auto directory, open(Missing::Make));
  return FilePlace(std::move(directory), path_, flat(name) + ".reserve");
}

}  // namespace pennypost::store
