#include "smtpd/policy/signing_keys.h"

#include <algorithm>

#include "common/mail/public_suffix.h"

namespace pennypost::smtp {
namespace {

constexpr std::chrono::seconds look_interval{1};

}  // namespace

/// Null if the domain has no directory.
Result<std::shared_ptr<const KeptKeys>> SigningKeys::keys_of(const std::string& domain, Time now) {
  std::lock_guard lock(mutex_);
  auto known = entries_.find(domain);
  bool is_fresh = known != entries_.end() && now - known->second.looked_at < look_interval;
  if (is_fresh) return known->second.keys;
  auto changed = directory_.changed(domain);
  if (!changed) {
    entries_.erase(domain);
    return std::shared_ptr<const KeptKeys>();
  }
  if (known == entries_.end()) {
    if (entries_.size() >= signing_domains_max) entries_.clear();
    known = entries_.try_emplace(domain).first;
  }
  Entry& entry = known->second;
  bool is_known = entry.keys && entry.changed == *changed && entry.keys->problems.empty();
  if (!is_known) {
    auto read = directory_.read(domain);
    if (!read) {
      entries_.erase(known);
      return std::move(read).error();
    }
    bool is_told = entry.keys && entry.keys->problems == read->problems;
    if (!is_told) std::ranges::for_each(read->problems, on_problem_);
    entry.keys = std::make_shared<const KeptKeys>(*std::move(read));
    entry.changed = *changed;
  }
  entry.looked_at = now;
  return entry.keys;
}

Result<FindSigningKeys::Keys> SigningKeys::find(const FindSigningKeys& ask, Time now) {
  FindSigningKeys::Keys found;
  for (std::string domain = ask.author_domain; !domain.empty() && !is_public_suffix(domain);) {
    TRY(auto kept, keys_of(domain, now));
    if (kept) {
      for (const auto* one : kept->signing()) {
        found.keys.push_back({one->selector, one->key.kind() == KeyKind::Rsa});
      }
    }
    if (!found.keys.empty()) {
      found.domain = std::move(domain);
      break;
    }
    auto dot = domain.find('.');
    domain = dot == domain.npos ? std::string() : domain.substr(dot + 1);
  }
  return found;
}

Result<SignDigests::Signatures> SigningKeys::sign(const SignDigests& ask, Time now) {
  SignDigests::Signatures made;
  TRY(auto kept, keys_of(ask.domain, now));
  const KeptKeys none;
  const auto& keys = kept ? kept->keys : none.keys;
  for (const auto& one : ask.digests) {
    auto key = std::ranges::find(keys, one.selector, &KeptKey::selector);
    if (key == keys.end() || one.digest.size() != 32) {
      return Error::temporary("4.3.5",
                              "there is no DKIM key " + one.selector + " of " + ask.domain);
    }
    made.signatures.push_back(key->key.sign(one.digest));
  }
  return made;
}

}  // namespace pennypost::smtp
