#include "store/accounts/scram_coverage.h"

#include "store/accounts/authenticator.h"

namespace pennypost::store {

bool ScramCoverage::is_complete() const {
  if (credentials_ == nullptr) return true;
  std::lock_guard lock(mutex_);
  // The stamp is taken before the entries: if they are newer already, the next call reads them
  // again.
  auto stamp = credentials_->stamp();
  if (is_complete_ && !stamp.empty() && stamp == stamp_) return *is_complete_;
  bool all = true;
  auto read = credentials_->each([&](std::string_view, std::string_view value) {
    if (!all) return;
    auto stored = StoredCredentials::parse(value);
    all = stored && stored->serves_scram();
  });
  is_complete_.reset();
  if (!read) return false;
  stamp_ = std::move(stamp);
  is_complete_ = all;
  return all;
}

}  // namespace pennypost::store
