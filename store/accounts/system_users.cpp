#include "store/accounts/system_users.h"

#include <security/pam_appl.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <mutex>
#include <vector>

#include "common/async/inquiry.h"
#include "common/base/text.h"
#include "common/crypto/password.h"

namespace pennypost::store {
namespace {

constexpr std::size_t shadow_bytes_max = 1 << 20;

bool is_possible(const std::string& name, const Secret& password) {
  return !name.empty() && name.find('\0') == name.npos && !password.empty() &&
         password.reveal().size() <= password_bytes_max &&
         password.reveal().find('\0') == std::string_view::npos;
}

// PAM

extern "C" int pennypost_pam_converse(int count, const pam_message** messages,
                                      pam_response** responses, void* context) {
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* answers =
      static_cast<pam_response*>(::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (answers == nullptr) return PAM_BUF_ERR;
  const auto& password = *static_cast<const Secret*>(context);
  for (int i = 0; i < count; ++i) {
    // The password is the only answer we have; PAM frees it.
    if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
      answers[i].resp = ::strndup(password.reveal().data(), password.reveal().size());
    }
  }
  *responses = answers;
  return PAM_SUCCESS;
}

// We delay failures ourselves (auth_failure_delay); PAM must not sleep here.
extern "C" void pennypost_pam_no_delay(int, unsigned, void*) {}

class PamUsers final : public SystemUsers {
 public:
  explicit PamUsers(std::string service) : service_(std::move(service)) {}

  Result<std::optional<Identity>> find(const std::string& name) const override {
    return Identity::find(name);
  }

  Result<bool> verify(const std::string& name, const Secret& password,
                      const std::string& client_address) const override {
    if (!is_possible(name, password)) return false;
    // Not every PAM module is thread-safe.
    static std::mutex one_at_a_time;
    std::lock_guard lock(one_at_a_time);
    pam_conv conversation{&pennypost_pam_converse, const_cast<Secret*>(&password)};
    pam_handle_t* handle = nullptr;
    int code = ::pam_start(service_.c_str(), name.c_str(), &conversation, &handle);
    if (code != PAM_SUCCESS) return Error::temporary("PAM does not start for " + service_);
    ::pam_set_item(handle, PAM_RHOST, client_address.c_str());
    ::pam_set_item(handle, PAM_TTY, "pennypost");
    ::pam_set_item(handle, PAM_FAIL_DELAY, reinterpret_cast<const void*>(&pennypost_pam_no_delay));
    code = ::pam_authenticate(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (code == PAM_SUCCESS) code = ::pam_acct_mgmt(handle, PAM_SILENT);
    std::string reason = ::pam_strerror(handle, code);
    ::pam_end(handle, code);
    switch (code) {
      case PAM_SUCCESS:
        return true;
      case PAM_AUTH_ERR:
      case PAM_USER_UNKNOWN:
      case PAM_MAXTRIES:
      case PAM_ACCT_EXPIRED:
      case PAM_NEW_AUTHTOK_REQD:
      case PAM_CRED_INSUFFICIENT:
      case PAM_PERM_DENIED:
        return false;
      default:
        return Error::temporary("PAM (" + service_ + "): " + reason);
    }
  }

 private:
  std::string service_;
};

// shadow

class ShadowUsers final : public SystemUsers {
 public:
  Result<std::optional<Identity>> find(const std::string& name) const override {
    return Identity::find(name);
  }

  Result<bool> verify(const std::string& name, const Secret& password,
                      const std::string&) const override {
    if (!is_possible(name, password)) return false;
    std::vector<char> buffer(4096);
    spwd entry{};
    spwd* found = nullptr;
    int problem;
    while ((problem = ::getspnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
               ERANGE &&
           buffer.size() < shadow_bytes_max) {
      buffer.resize(buffer.size() * 2);
    }
    if (problem != 0 && problem != ENOENT) {
      return Error::temporary(std::string("shadow: ") + ::strerror(problem));
    }
    std::string stored = found == nullptr ? "" : entry.sp_pwdp;
    ::explicit_bzero(buffer.data(), buffer.size());
    if (stored.empty() || stored[0] == '!' || stored[0] == '*') return verify_nothing(password);
    TRY(bool fits, verify_password(password, "{CRYPT}" + stored));
    return fits && !is_expired(entry);
  }

 private:
  static bool is_expired(const spwd& entry) {
    long today = static_cast<long>(::time(nullptr) / 86400);
    if (entry.sp_expire >= 0 && today >= entry.sp_expire) return true;
    bool must_change = entry.sp_lstchg == 0;
    bool lapsed = entry.sp_lstchg > 0 && entry.sp_max >= 0 && entry.sp_inact >= 0 &&
                  today > entry.sp_lstchg + entry.sp_max + entry.sp_inact;
    return must_change || lapsed;
  }
};

// Asked through a slow source

/// A home directory may be on another host, so it is looked at by the same call.
struct FoundUser {
  Identity identity;
  bool has_home = false;
};

class AskedUsers final : public SystemUsers {
 public:
  AskedUsers(std::shared_ptr<SlowSource> source, std::shared_ptr<const SystemUsers> users)
      : source_(std::move(source)), users_(std::move(users)) {}

  Result<std::optional<Identity>> find(const std::string& name) const override {
    TRY(auto found, ask(name));
    return found ? std::optional(std::move(found->identity)) : std::nullopt;
  }
  bool has_home(const Identity& identity) const override {
    auto found = ask(identity.name);
    return !found || (*found && (*found)->has_home);
  }
  Result<bool> verify(const std::string& name, const Secret& password,
                      const std::string& client_address) const override {
    return users_->verify(name, password, client_address);
  }

 private:
  using Answer = Result<std::optional<FoundUser>>;
  Answer ask(const std::string& name) const {
    auto work = [users = users_, name]() -> Answer {
      TRY(auto identity, users->find(name));
      if (!identity) return std::optional<FoundUser>();
      bool has_home = users->has_home(*identity);
      return std::optional(FoundUser{*std::move(identity), has_home});
    };
    return Inquiry::ask<std::optional<FoundUser>>(*source_, name, std::move(work));
  }
  std::shared_ptr<SlowSource> source_;
  std::shared_ptr<const SystemUsers> users_;
};

}  // namespace

bool SystemUsers::has_home(const Identity& identity) const {
  struct stat status;
  // A directory that can't be reached now, on another host or without permission, may well exist.
  return ::stat(identity.home.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

std::shared_ptr<const SystemUsers> SystemUsers::with_pam(std::string service) {
  return std::make_shared<PamUsers>(std::move(service));
}
std::shared_ptr<const SystemUsers> SystemUsers::with_shadow() {
  return std::make_shared<ShadowUsers>();
}
std::shared_ptr<const SystemUsers> SystemUsers::asked_through(
    std::shared_ptr<SlowSource> source, std::shared_ptr<const SystemUsers> users) {
  return std::make_shared<AskedUsers>(std::move(source), std::move(users));
}

}  // namespace pennypost::store
