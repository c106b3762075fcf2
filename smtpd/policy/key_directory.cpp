#include "smtpd/policy/key_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "common/base/file.h"
#include "common/base/safe_open.h"
#include "common/base/secret.h"
#include "common/base/text.h"
#include "common/dns/message.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view in_use = ".pem";
constexpr std::string_view out_of_use = ".retired";
constexpr std::int64_t nanoseconds = 1'000'000'000;

std::int64_t time_of(const struct stat& status) {
  return status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec;
}

/// The names in a directory, sorted; none if there is no such directory.
Result<std::vector<std::string>> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries && (errno == ENOENT || errno == ENOTDIR)) return names;
  if (!entries) return file_error("read", directory);
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

/// Error: what is wrong with the file.
Result<KeptKey> read_key(const Descriptor& directory, const std::string& name,
                         std::string_view ending) {
  auto selector = name.substr(0, name.size() - ending.size());
  if (!is_selector(selector)) return Error::permanent("its name is not that of a selector");
  auto file = open_beneath(directory.number(), name, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) return file_error("open", name);
  if (!S_ISREG(status.st_mode)) return Error::permanent("it is not a regular file");
  if ((status.st_mode & 0077) != 0) {
    return Error::permanent("others can read or change it; chmod 600, and make a new key");
  }
  TRY(auto text, read_up_to(file.number(), key_file_bytes_max + 1, name));
  if (text.size() > key_file_bytes_max) return Error::permanent("it is too long for a key");
  TRY(auto key, SigningKey::parse(Secret(std::move(text))));
  return KeptKey{std::move(selector), std::move(key), time_of(status), ending == out_of_use};
}

Result<void> make_owned(const std::filesystem::path& directory,
                        const std::optional<KeyDirectory::Owner>& owner) {
  bool is_new = !std::filesystem::exists(directory);
  TRY_DO(make_directory(directory, owner ? 0750 : 0700));
  // It stays root's, so that nobody else can put a link in place of a file that root makes.
  if (is_new && owner && ::chown(directory.c_str(), 0, owner->gid) != 0) {
    return file_error("chown", directory);
  }
  return {};
}

}  // namespace

bool is_selector(std::string_view text) { return !text.starts_with('_') && is_host_name(text); }

std::vector<const KeptKey*> KeptKeys::signing() const {
  std::vector<const KeptKey*> found;
  for (KeyKind kind : {KeyKind::Rsa, KeyKind::Ed25519}) {
    auto first = std::ranges::find_if(
        keys, [&](const KeptKey& one) { return !one.is_retired && one.key.kind() == kind; });
    if (first != keys.end()) found.push_back(&*first);
  }
  return found;
}

Result<std::vector<std::string>> KeyDirectory::domains() const {
  TRY(auto names, names_in(directory_));
  std::erase_if(names, [&](const auto& name) { return !changed(name); });
  return names;
}

std::optional<std::int64_t> KeyDirectory::changed(std::string_view domain) const {
  struct stat status {};
  if (!is_host_name(domain) || ::stat(path_of(domain).c_str(), &status) != 0) return {};
  if (!S_ISDIR(status.st_mode)) return {};
  return time_of(status);
}

Result<KeptKeys> KeyDirectory::read(const std::string& domain) const {
  KeptKeys kept;
  if (!changed(domain)) return kept;
  auto path = path_of(domain);
  TRY(auto names, names_in(path));
  TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY));
  for (const auto& name : names) {
    bool is_kept = name.ends_with(in_use);
    if (!is_kept && !name.ends_with(out_of_use)) continue;
    if (kept.keys.size() == keys_of_domain_max) {
      kept.problems.push_back(path.string() + ": more than " + std::to_string(keys_of_domain_max) +
                              " keys; remove retired ones");
      break;
    }
    auto key = read_key(directory, name, is_kept ? in_use : out_of_use);
    if (key) {
      kept.keys.push_back(*std::move(key));
    } else {
      kept.problems.push_back((path / name).string() + ": " + key.error().text());
    }
  }
  std::ranges::stable_sort(kept.keys, {}, &KeptKey::since);
  return kept;
}

Result<void> KeyDirectory::add(const std::string& domain, const std::string& selector,
                               const SigningKey& key, const std::optional<Owner>& owner) const {
  TRY_DO(make_owned(directory_, owner));
  TRY_DO(make_owned(path_of(domain), owner));
  std::string path = path_of(domain) / (selector + std::string(in_use));
  auto retired = path_of(domain) / (selector + std::string(out_of_use));
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  bool exists = (!file && errno == EEXIST) || std::filesystem::exists(retired);
  if (exists) return Error(550, "there is a key " + selector + " of " + domain + " already");
  if (!file) return file_error("make", path);
  auto done = [&]() -> Result<void> {
    if (owner && ::fchown(file.number(), owner->uid, owner->gid) != 0) {
      return file_error("chown", path);
    }
    TRY_DO(write_all(file.number(), key.pem().reveal(), path));
    TRY_DO(sync_file(file.number(), path));
    return sync_directory(path_of(domain));
  }();
  if (!done) ::unlink(path.c_str());
  return done;
}

Result<void> KeyDirectory::retire(const std::string& domain, const std::string& selector) const {
  std::string from = path_of(domain) / (selector + std::string(in_use));
  std::string to = path_of(domain) / (selector + std::string(out_of_use));
  if (::access(from.c_str(), F_OK) != 0) {
    return Error(550, "there is no key " + selector + " of " + domain + " that signs or waits");
  }
  // The time of the file is now that of its retirement.
  if (::utimensat(AT_FDCWD, from.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0) {
    return file_error("touch", from);
  }
  if (::rename(from.c_str(), to.c_str()) != 0) return file_error("rename", from);
  return sync_directory(path_of(domain));
}

}  // namespace pennypost::smtp
