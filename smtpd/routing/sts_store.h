// Keeps MTA-STS policies in memory and, over restarts, in a directory: one file for each domain.
//
//   id: 20160831085700Z
//   fetched: 1764460800            seconds since 1970
//   version: STSv1                 and the rest of the policy as it was fetched
//
// A file is written beside and renamed, so that a reader sees a whole one. What is malformed or
// expired is skipped, and removed. If there are more policies than `policies_max`, the one that was
// fetched first goes.
//
// SEE ALSO   sts_policies.h (who fetches them), common/mailauth/mta_sts.h (the policy)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mailauth/mta_sts.h"

namespace pennypost::smtp {

struct KeptSts {
  std::string id;            // of the record that announced it
  std::int64_t fetched = 0;  // seconds since 1970
  std::string text;          // as it was fetched
  StsPolicy policy;

  bool is_alive(std::int64_t now) const {
    return now < fetched + static_cast<std::int64_t>(policy.seconds);
  }
  /// The content of its file.
  std::string file_text() const;
  /// Nothing if it is malformed.
  static std::optional<KeptSts> parse(const std::string& file_text);
};

class StsStore {
 public:
  explicit StsStore(std::string directory) : directory_(std::move(directory)) {}

  /// Reads the directory; blocks. Error: it can't be read, which does not prevent serving.
  Result<void> load(std::int64_t now, std::size_t policies_max);
  /// The policy of a domain; null if there is none that is alive. Valid until the next put().
  const KeptSts* find(const std::string& domain, std::int64_t now) const;
  /// Keeps it in memory.
  void put(const std::string& domain, KeptSts kept, std::size_t policies_max);
  /// Writes a domain's file; blocks, any thread.
  static Result<void> write(const std::string& directory, const std::string& domain,
                            const KeptSts& kept);
  const std::string& directory() const { return directory_; }
  std::size_t size() const { return kept_.size(); }

 private:
  const std::string directory_;
  std::map<std::string, KeptSts, std::less<>> kept_;
};

/// Makes the directory, with the mail owner as its owner, if policies are to be kept.
Result<void> prepare_sts_directory(const Config& config);
/// $data_directory/mta-sts
std::string sts_directory(const std::string& data_directory);

}  // namespace pennypost::smtp
