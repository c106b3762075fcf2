// Runs an account's Sieve scripts over a message that is being delivered, and tells what is to be
// done.
//
// The scripts of sieve_before come first, then the user's active one (or sieve_default), then those
// of sieve_after. Each is run only if those before it have left the message to be kept in INBOX;
// what they wanted beside that is done as well. The next one sees the message as the one before has
// changed it.
//
// A script that fails keeps the message in INBOX. If it is the user's, no further one is run, and
// the user gets a message that says what and where, once a day; a failure of the host's scripts
// goes to the log, and the next script is run. What can't be known at the moment (a memory or a
// mailbox list that can't be read) makes the delivery wait.
//
// A new object for each attempt. Blocks: use offload.
//
// STANDARDS  RFC 5228 section 2.10.6 (errors)
// SEE ALSO   ../mailbox/delivery.h (the contract), ../sieve/interpreter.h, scripts_of.h, memory.h
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/filtering/host_environment.h"
#include "store/filtering/memory.h"
#include "store/filtering/message_text.h"
#include "store/filtering/scripts_of.h"
#include "store/mailbox/delivery.h"
#include "store/mailbox/mailbox.h"
#include "store/sieve/actions.h"

namespace pennypost::store {

class SieveFilter final : public DeliveryFilter {
 public:
  /// `config` and `clock` must outlive it.
  SieveFilter(const Config& config, AccountRef account, MessageOrigin origin,
              const Clock& clock = Clock::system());

  DeliveryChoice choose(const Delivery& delivery) override;
  Result<void> remember() override;
  /// The programs to which the message was given; empty: none.
  const std::vector<std::string>& programs() const { return programs_; }

 private:
  struct Work;
  enum class Next { GoOn, Stop };
  Result<DeliveryChoice> chosen(const Delivery& delivery);
  Result<Next> run(const ScriptStep& step, Work& work);
  Result<std::optional<sieve::CompiledScript>> script_of(const ScriptStep& step) const;
  Next fail(const ScriptStep& step, const std::string& what, Work& work);
  Result<bool> pipe(const ScriptStep& step, const sieve::Outcome& outcome, std::string_view text,
                    Work& work);
  void tell_owner(const std::string& what, Work& work);
  Result<Next> carry_over(const sieve::Outcome& outcome, std::string_view text, Work& work);
  Placement placement_of(const sieve::FileInto& copy, std::string_view text, Work& work);
  std::shared_ptr<const std::string> changed_text(const sieve::MessageForm& form,
                                                  std::string_view text, Work& work);

  const Config& config_;
  const AccountRef account_;
  const MessageOrigin origin_;
  const Clock& clock_;
  std::optional<SieveMemory> memory_;
  std::vector<sieve::Remembered> remembered_;
  std::vector<std::string> programs_;
};

}  // namespace pennypost::store
