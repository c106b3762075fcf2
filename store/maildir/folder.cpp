#include "store/maildir/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "store/mailbox/cached_file.h"
#include "store/mailbox/folder_store.h"
#include "store/maildir/draft.h"
#include "store/maildir/filename.h"
#include "store/maildir/folder_cache.h"

namespace pennypost::store {
namespace {

// Seconds in a name that are no date: earlier than Maildir is, or of more digits than seconds have.
constexpr std::uint64_t seconds_min = 500'000'000;
constexpr std::uint64_t seconds_max = 9'999'999'999;

Error expunged(Uid uid) {
  return Error(550, ResponseCode::Expunged,
               "Message " + std::to_string(uid.value()) + " is no longer there");
}

}  // namespace

MaildirFolder::MaildirFolder(std::shared_ptr<const MaildirLayout> layout, MailboxName name,
                             Access access)
    : layout_(std::move(layout)),
      name_(std::move(name)),
      access_(access),
      known_(shared_folder(layout_, name_)),
      values_(layout_->settings().index) {
  if (access_ == Access::ReadWrite) known_->tidy();
}

Result<Changes> MaildirFolder::sync() {
  values_.flush();
  auto validity = view_.state ? uid_validity() : 0;
  auto changes = known_->sync(view_, access_);
  // Removed or renamed by another session, and not to be made again.
  if (!changes && !name_.is_inbox() && !known_->is_there()) return no_such_mailbox(name_);
  if (changes && uid_validity() != validity) values_.name_folder(known_->identity());
  return changes;
}

// --- single messages -------------------------------------------------------------------

Result<std::size_t> MaildirFolder::require(Uid uid) const {
  auto index = view_.state->index_of(uid);
  if (!index) return expunged(uid);
  return *index;
}

Result<void> MaildirFolder::reach(Uid uid,
                                  const std::function<bool(const std::string& path)>& attempt,
                                  std::string_view verb) {
  TRY(bool there, known_->with_file(view_, uid, attempt, verb));
  return there ? Result<void>() : expunged(uid);
}

Result<struct stat> MaildirFolder::status_of(Uid uid) {
  struct stat status {};
  TRY_DO(reach(
      uid, [&](const std::string& path) { return ::stat(path.c_str(), &status) == 0; }, "stat"));
  return status;
}

Result<std::uint64_t> MaildirFolder::octets(Uid uid) {
  TRY(auto index, require(uid));
  if (auto noted = view_.state->noted_octets(index); noted != 0) return noted;
  auto claimed = SizesInName::of(view_.state->base(index));
  std::optional<std::uint64_t> octets;
  if (claimed.bytes && claimed.octets) {
    TRY(auto stored, stored_bytes(uid));
    if (claimed.are_of(stored)) octets = claimed.octets;
  } else {
    octets = values_.find_number(uid, CacheItem::Octets);
  }
  if (!octets) {
    TRY(auto reader, open(uid));
    TRY(octets, reader.octets());
    values_.add_number(uid, CacheItem::Octets, *octets);
  }
  known_->note_octets(view_, uid, *octets);
  return *octets;
}

Result<std::uint64_t> MaildirFolder::stored_bytes(Uid uid) {
  TRY_DO(require(uid));
  TRY(auto status, status_of(uid));
  return static_cast<std::uint64_t>(status.st_size);
}

std::string_view MaildirFolder::file_name(Uid uid) const {
  auto index = view_.state->index_of(uid);
  return index ? view_.state->base(*index) : std::string_view();
}

Result<std::int64_t> MaildirFolder::internal_date(Uid uid) {
  TRY_DO(require(uid));
  if (auto kept = values_.find_number(uid, CacheItem::InternalDate)) {
    return static_cast<std::int64_t>(*kept);
  }
  TRY(auto status, status_of(uid));
  std::int64_t date = status.st_mtim.tv_sec;
  if (date >= 0) values_.add_number(uid, CacheItem::InternalDate, static_cast<std::uint64_t>(date));
  return date;
}

// Every program that puts a message into a Maildir begins its name with the time. That stays when
// flags change, as no time of the file does but mtime, which stands in for it.
Result<std::optional<std::int64_t>> MaildirFolder::save_date(Uid uid) {
  TRY(auto index, require(uid));
  auto seconds = seconds_in_name(view_.state->base(index));
  if (seconds >= seconds_min && seconds <= seconds_max) {
    return std::optional(static_cast<std::int64_t>(seconds));
  }
  TRY(auto date, internal_date(uid));
  return std::optional(date);
}

// Dovecot's id of the folder. A list that an old Dovecot has made holds none; its UIDVALIDITY is
// the folder's own and stays as well.
std::string MaildirFolder::id() const {
  auto folder = known_->identity();
  bool is_guid = folder.identity.find('/') == std::string::npos;
  return is_guid ? folder.identity : "V" + std::to_string(folder.uid_validity);
}

Result<MessageReader> MaildirFolder::open(Uid uid) {
  Descriptor file;
  TRY_DO(reach(
      uid,
      [&](const std::string& path) {
        file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        return static_cast<bool>(file);
      },
      "open"));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", known_->directory());
  auto stored = static_cast<std::uint64_t>(status.st_size);
  forget_octets_unless(uid, stored);
  return MessageReader(std::move(file), 0, stored);
}

std::optional<MessageReader> MaildirFolder::open_now(Uid uid) {
  auto index = view_.state->index_of(uid);
  if (!index) return {};
  auto file = open_cached(known_->directory() + "/" + view_.state->path(*index));
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) return {};
  auto stored = static_cast<std::uint64_t>(status.st_size);
  auto claimed = SizesInName::of(view_.state->base(*index));
  if (claimed.bytes && !claimed.are_of(stored)) return {};
  return MessageReader(std::move(file), 0, stored);
}

// Another program may have changed the file since its octets were noted.
void MaildirFolder::forget_octets_unless(Uid uid, std::uint64_t stored) {
  auto index = view_.state->index_of(uid);
  if (!index || view_.state->noted_octets(*index) == 0) return;
  auto claimed = SizesInName::of(view_.state->base(*index));
  if (claimed.bytes && !claimed.are_of(stored)) known_->note_octets(view_, uid, 0);
}

std::optional<std::string> MaildirFolder::cached(Uid uid, CacheItem item) {
  return values_.find(uid, item);
}

void MaildirFolder::cache(Uid uid, CacheItem item, std::string_view value) {
  values_.add(uid, item, value);
}

std::vector<std::string> MaildirFolder::watch_paths() const {
  return {known_->directory() + "/new", known_->directory() + "/cur"};
}

// --- changes ---------------------------------------------------------------------------

Result<Stored> MaildirFolder::store(std::span<const Uid> uids, const FlagChange& change) {
  return known_->store(view_, uids, change);
}

Result<std::vector<Uid>> MaildirFolder::expunge(std::span<const Uid> uids) {
  TRY(auto removed, known_->expunge(view_, uids));
  if (!removed.uids.empty()) {
    layout_->quota().add(name().text(), -static_cast<std::int64_t>(removed.bytes),
                         -static_cast<std::int64_t>(removed.uids.size()));
  }
  return std::move(removed.uids);
}

Result<Copied> MaildirFolder::copy(std::span<const Uid> uids, const MailboxName& target,
                                   Missing missing) {
  return transfer(uids, target, missing, true);
}

Result<Copied> MaildirFolder::move(std::span<const Uid> uids, const MailboxName& target,
                                   Missing missing) {
  TRY(auto copied, transfer(uids, target, missing, false));
  return finish_move(std::move(copied), [&] {
    return std::make_unique<MaildirFolder>(layout_, target, Access::ReadOnly);
  });
}

// Makes hard links under new names: nothing is copied, and mtime, the INTERNALDATE, stays.
Result<Copied> MaildirFolder::transfer(std::span<const Uid> uids, const MailboxName& target,
                                       Missing missing, bool grows) {
  TRY_DO(layout_->require(target));
  auto directory = layout_->directory(target);
  std::vector<Draft> drafts;
  drafts.reserve(uids.size());
  std::vector<Arrival> arrivals;
  Copied copied;
  std::uint64_t bytes = 0;
  for (auto uid : uids) {
    auto index = view_.state->index_of(uid);
    auto size = index ? stored_bytes(uid) : Result<std::uint64_t>(expunged(uid));
    auto draft = size ? copy_file(uid, directory) : Result<Draft>(size.error());
    if (!draft && missing == Missing::Skip && is_expunged(draft.error())) continue;
    if (!draft) return std::move(draft).error();
    bytes += *size;
    copied.source.push_back(uid);
    drafts.push_back(*std::move(draft));
    auto arrival = arrival_of(drafts.back(), name_of_copy(*index, *size));
    const auto& message = view_.state->messages[*index];
    arrival.flags = message.flags;
    arrival.keywords = keyword_names(message.keywords);
    arrivals.push_back(std::move(arrival));
  }
  auto quota = layout_->quota();
  if (grows || quota.ignores(name().text())) {
    TRY_DO(quota.check(target.text(), bytes, arrivals.size()));
  }
  auto folder = shared_folder(layout_, target);
  TRY(auto added, folder->arrivals().add(arrivals, NoRoom::LeaveOut));
  copied.uid_validity = added.uid_validity;
  copied.target = std::move(added.uids);
  quota.add(target.text(), static_cast<std::int64_t>(bytes),
            static_cast<std::int64_t>(copied.target.size()));
  return copied;
}

// A new unique name with the file's size, and with the octets of the old name if they are right.
std::string MaildirFolder::name_of_copy(std::size_t index, std::uint64_t stored) const {
  const auto& settings = layout_->settings();
  auto name = unique_filename(settings.clock->now().count(), settings.hostname) +
              ",S=" + std::to_string(stored);
  auto claimed = SizesInName::of(view_.state->base(index));
  if (claimed.octets && claimed.are_of(stored)) name += ",W=" + std::to_string(*claimed.octets);
  return name;
}

// The message as a file in the target's tmp/.
Result<Draft> MaildirFolder::copy_file(Uid uid, const std::string& directory) {
  const auto& settings = layout_->settings();
  auto path =
      directory + "/tmp/" + unique_filename(settings.clock->now().count(), settings.hostname);
  Descriptor source;
  TRY_DO(reach(
      uid,
      [&](const std::string& file) {
        if (::link(file.c_str(), path.c_str()) == 0) return true;
        bool must_copy = errno == EMLINK || errno == EPERM || errno == EXDEV || errno == EOPNOTSUPP;
        // A file system or a kernel setting may not allow links.
        if (must_copy) source = Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
        return static_cast<bool>(source);
      },
      "link"));
  if (!source) return Draft::of(directory, path);
  struct stat status {};
  if (::fstat(source.number(), &status) != 0) return file_error("stat", known_->directory());
  FileRange whole{source.number(), 0, static_cast<std::uint64_t>(status.st_size)};
  return Draft::write(*layout_, directory, "", {whole}, status.st_mtim.tv_sec);
}

}  // namespace pennypost::store
