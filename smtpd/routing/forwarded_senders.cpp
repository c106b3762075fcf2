#include "smtpd/routing/forwarded_senders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "common/base/file.h"
#include "common/base/own_file.h"
#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mailauth/srs.h"
#include "common/process/privileges.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t secret_characters = 64;

/// The secrets in the file, which nobody else may read.
Result<std::vector<Secret>> read_secrets(const std::string& path) {
  auto unusable = [&](const std::string& why) {
    return Error::temporary("4.3.5", "srs_secret_file: " + path + ": " + why);
  };
  TRY(auto file, open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("open", path);
  if (!S_ISREG(status.st_mode) || (status.st_mode & 0077) != 0) {
    return unusable("it must be a file that only mail_owner can read; chmod 600");
  }
  TRY(auto text, read_up_to(file.number(), srs_secret_file_bytes_max + 1, path));
  if (text.size() > srs_secret_file_bytes_max) return unusable("it is too long");
  std::vector<Secret> secrets;
  for (auto line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    if (secrets.size() == srs_secrets_max) return unusable("it has too many lines");
    secrets.emplace_back(std::string(trim(line)));
  }
  if (secrets.empty()) return unusable("it has no secret; remove it, and start again");
  return secrets;
}

}  // namespace

struct ForwardedSenders::State {
  State(Domain of, std::string path, const Clock& with, DomainList without)
      : domain(std::move(of)),
        secret_file(std::move(path)),
        clock(with),
        exempt(std::move(without)) {}

  Result<const Srs*> srs() {
    std::lock_guard lock(mutex);
    if (!made) {
      TRY(auto secrets, read_secrets(secret_file));
      made.emplace(domain, std::move(secrets));
    }
    return &*made;
  }

  const Domain domain;
  const std::string secret_file;
  const Clock& clock;
  const DomainList exempt;
  std::mutex mutex;
  std::optional<Srs> made;  // never changed afterwards
};

Result<ForwardedSenders> ForwardedSenders::open(const Config& config,
                                                const store::MapOptions& options) {
  ForwardedSenders senders;
  if (config.srs_domain.empty()) return senders;
  TRY(auto domain, Domain::parse(config.srs_domain, Utf8::Allowed));
  TRY(auto exempt, DomainList::open(config.srs_exempt_domains, false, options));
  senders.state_ = std::make_shared<State>(std::move(domain), config.srs_secret_file,
                                           *options.clock, std::move(exempt));
  return senders;
}

bool ForwardedSenders::is_one(const MailAddress& address) const {
  return state_ && address.domain() == state_->domain && Srs::is_one(address.local());
}

Result<MailAddress> ForwardedSenders::original(const MailAddress& address) const {
  TRY(auto srs, state_->srs());
  return srs->reverse(address, state_->clock.now_seconds());
}

Result<std::optional<std::string>> ForwardedSenders::rewritten(const MailAddress& sender) const {
  std::optional<std::string> none;
  if (!state_ || !sender.domain()) return none;
  TRY(bool is_exempt, state_->exempt.contains(sender.domain()->key()));
  if (is_exempt) return none;
  TRY(auto srs, state_->srs());
  auto made = srs->forward(sender, state_->clock.now_seconds());
  if (!made) return none;  // it would be too long
  return std::optional(made->text());
}

Result<void> prepare_srs_secret(const Config& config) {
  const std::string& path = config.srs_secret_file;
  if (config.srs_domain.empty() || ::access(path.c_str(), F_OK) == 0) return {};
  std::optional<Identity> owner;
  if (is_root()) {
    TRY(owner, Identity::of_user(config.mail_owner, "mail_owner"));
  }
  auto file = open_own_file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!file) return file_error("make", path);
  if (owner && ::fchown(file.number(), owner->uid, owner->gid) != 0) {
    return file_error("chown", path);
  }
  TRY_DO(write_all(file.number(), random_text(secret_characters) + "\n", path));
  return sync_file(file.number(), path);
}

}  // namespace pennypost::smtp
