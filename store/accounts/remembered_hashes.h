// Remembers which passwords were right for which stored forms, so that the next login with one of
// them costs no hash.
//
// Kept is only a keyed hash of both together, made with a secret that exists only in this process:
// neither the password nor the form can be found from it, and a form that has changed is another
// one. So what is remembered is never asked for again once the password is another, or the user is
// gone. Wrong passwords are not remembered.
//
// May be used by several threads.
//
// LIMITS  auth_cache_size, auth_cache_ttl
// SEE ALSO   authenticator.h (who asks)
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/secret.h"
#include "common/crypto/random.h"
#include "common/session/login_throttle.h"

namespace pennypost::store {

class RememberedHashes {
 public:
  /// What one entry takes, with what the containers need for it.
  static constexpr std::uint64_t entry_bytes = 200;

  /// Nothing is remembered if either is 0.
  RememberedHashes(std::uint64_t bytes_max, std::int64_t lifetime_seconds)
      : lifetime_(lifetime_seconds), entries_(bytes_max / entry_bytes) {
    is_on_ = lifetime_ > 0 && bytes_max >= entry_bytes;
  }

  bool knows(std::string_view form, const Secret& password, std::int64_t now_seconds) {
    if (!is_on_) return false;
    auto tag = tag_of(form, password);
    std::lock_guard lock(mutex_);
    const std::int64_t* since = entries_.find(tag);
    if (since == nullptr) return false;
    // A clock that was set back makes it old, too.
    if (now_seconds >= *since && now_seconds - *since < lifetime_) return true;
    entries_.erase(tag);
    return false;
  }
  void note(std::string_view form, const Secret& password, std::int64_t now_seconds) {
    if (!is_on_) return;
    auto tag = tag_of(form, password);
    std::lock_guard lock(mutex_);
    entries_.touch(tag) = now_seconds;
  }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  std::string tag_of(std::string_view form, const Secret& password) const {
    std::string text(form);
    text += '\0';
    text += password.reveal();
    auto tag = hmac_sha256(secret_, text);
    Secret wiped(std::move(text));
    return tag;
  }

  std::int64_t lifetime_;
  bool is_on_ = false;
  std::string secret_ = random_bytes(32);
  mutable std::mutex mutex_;
  AgingMap<std::string, std::int64_t> entries_;
};

}  // namespace pennypost::store
