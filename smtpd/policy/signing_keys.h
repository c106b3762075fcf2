// Signs digests with the keys of an author's domain; for `lookup`, which alone sees the keys.
//
// A domain without keys of its own has those of the nearest domain above it that has some, short of
// a public suffix: mail of root@mail.example.org is signed for example.org, which DMARC accepts
// (relaxed alignment). Keys are read when they are needed first, and again when their directory
// has changed; that is looked at once a second.
//
// LIMITS     signing_domains_max domains are kept
// SEE ALSO   key_directory.h (the files), signing_messages.h
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "smtpd/policy/key_directory.h"
#include "smtpd/policy/signing_messages.h"

namespace pennypost::smtp {

inline constexpr std::size_t signing_domains_max = 10'000;

/// May be used by several threads.
class SigningKeys {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// `on_problem` is told what is wrong with a file of a key.
  SigningKeys(KeyDirectory directory, std::function<void(const std::string&)> on_problem)
      : directory_(std::move(directory)), on_problem_(std::move(on_problem)) {}

  Result<FindSigningKeys::Keys> find(const FindSigningKeys& ask, Time now);
  /// Error 451: a key is no longer there.
  Result<SignDigests::Signatures> sign(const SignDigests& ask, Time now);

 private:
  struct Entry {
    Time looked_at{};
    std::int64_t changed = 0;
    std::shared_ptr<const KeptKeys> keys;
  };
  Result<std::shared_ptr<const KeptKeys>> keys_of(const std::string& domain, Time now);

  const KeyDirectory directory_;
  const std::function<void(const std::string&)> on_problem_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace pennypost::smtp
