// Answers what a Sieve script asks of this host: mailboxes, memory, other scripts, lists.
//
// SEE ALSO   ../sieve/environment.h (the questions), sieve_filter.h (who makes it)
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/filtering/memory.h"
#include "store/filtering/script_cache.h"
#include "store/filtering/scripts_of.h"
#include "store/mailbox/mailbox.h"
#include "store/sieve/environment.h"
#include "store/sieve/script_store.h"

namespace pennypost::store {

/// What is known of a message's way to this host; all may be empty.
struct MessageOrigin {
  std::string login;  // who logged in to send it
  std::string client_name;
  std::string client_address;
};

/// What is known of a message that is in a mailbox already.
struct StoredOccasion {
  std::vector<std::string> flags;            // that it has
  std::map<std::string, std::string> items;  // RFC 6785 section 4: imap.cause and its kin
};

class HostEnvironment final : public sieve::Environment {
 public:
  struct Parts {
    const Config& config;
    const AccountRef& account;
    const MessageOrigin& origin;
    const std::optional<sieve::ScriptPlace>& place;
    MailStore& mail;
    const Clock& clock = Clock::system();
    ScriptUse use = ScriptUse::Delivery;
    const StoredOccasion* stored = nullptr;  // null at delivery
  };
  /// What the parts refer to must outlive it. The envelope is the delivery's.
  HostEnvironment(const Parts& parts, const Delivery& delivery, SieveMemory& memory);

  /// Begins a run: over a message with this header, in the zone of time that is now.
  void begin(std::string_view header);
  /// What could not be asked in a run, so that the script's answer does not count: to be tried
  /// again. Temporary.
  const std::optional<Error>& failure() const { return failure_; }

  std::int64_t now_seconds() const override { return parts_.clock.now_seconds(); }
  bool is_out_of_time() const override { return std::chrono::steady_clock::now() > deadline_; }
  std::string envelope_from() const override { return delivery_.return_path; }
  std::string envelope_to() const override { return delivery_.delivered_to; }
  std::string original_to() const override;
  std::string sender_login() const override { return parts_.origin.login; }
  std::vector<std::string> owner_addresses() const override;
  std::string recipient_delimiter() const override { return parts_.config.recipient_delimiter; }
  bool has_mailbox(const std::string& name) const override;
  bool has_special_use(const std::string& mailbox, const std::string& use) const override;
  bool is_remembered(const std::string& key) const override;
  Result<std::shared_ptr<const sieve::Script>> included(const std::string& name,
                                                        ScriptLocation location) const override;
  std::optional<std::string> item(const std::string& name) const override;
  bool has_list(const std::string& list) const override;
  Result<bool> is_listed(const std::string& list, const std::string& value) const override;
  Result<std::vector<std::string>> members(const std::string& list) const override;
  std::optional<unsigned> spam_percent() const override;
  std::optional<unsigned> virus_level() const override;
  std::vector<std::string> flags() const override;
  std::optional<std::string> annotation(const std::string& mailbox,
                                        const std::string& name) const override;
  /// The time that it takes is not counted as the script's.
  sieve::ProgramAnswer run_program(const sieve::ProgramCall& call) const override;

  /// The first mailbox with a special use; nothing if there is none.
  std::optional<std::string> mailbox_of_use(const std::string& use) const;

 private:
  const std::vector<Folder>& folders() const;

  Parts parts_;
  const Delivery& delivery_;
  SieveMemory& memory_;
  std::string header_;
  mutable std::chrono::steady_clock::time_point deadline_;
  mutable std::optional<std::vector<Folder>> folders_;
  mutable std::optional<Error> failure_;
};

}  // namespace pennypost::store
