// Implements Backend by asking the lookup process, the queue process and DNS.
//
// Verdicts are cached for at most half a second, so that a burst of messages from one client to the
// same recipient asks once; errors are not cached. How much room a mailbox has is remembered for
// spare_lives, for messages that are small against it.
//
// LIMITS  lookup_cache_entries, spare_entries_max
#pragma once

#include <list>
#include <string>
#include <unordered_map>

#include "common/dns/resolver.h"
#include "common/process/port.h"
#include "smtpd/inbound/backend.h"

namespace pennypost::smtp {

/// How long a verdict is cached. Together with map_check_interval, a change of users takes effect
/// within two seconds.
inline constexpr std::chrono::milliseconds verdict_lives{500};

/// How long it is known that a mailbox has room for a message of at most the spare_share-th part of
/// what was spare then.
inline constexpr std::chrono::seconds spare_lives{10};
inline constexpr std::uint64_t spare_share = 64;
inline constexpr std::size_t spare_entries_max = 10'000;

class PortBackend final : public Backend {
 public:
  /// If `resolver` is null, clients are not looked up.
  PortBackend(Loop& loop, Port& lookup, Port& queue, Resolver* resolver, std::size_t cache_entries)
      : loop_(loop),
        lookup_(lookup),
        queue_(queue),
        resolver_(resolver),
        cache_entries_(cache_entries) {}

  Task<ClientName> client_name(IpAddress address) override;
  Task<Result<CheckRecipient::Verdict>> check_recipient(CheckRecipient request) override;
  Task<Result<CheckRecipient::Verdict>> check_restrictions(CheckRestrictions request) override;
  Task<Result<FindFooter::Footer>> footer(FindFooter ask) override;
  Task<Result<Canonicalize::Rewritten>> canonicalize(Canonicalize ask) override;
  Task<Result<CheckContent::Findings>> check_content(CheckContent ask) override;
  Task<Result<CountClient::Counts>> count(CountClient event) override;
  Task<Result<CheckSubmitter::Answer>> check_submitter(CheckSubmitter ask) override;
  Task<Result<Fate>> room(AskRoom ask) override;
  Task<Result<AskAllowance::Allowance>> allowance(AskAllowance ask) override;
  Task<Result<ScreenAccess::Verdict>> screen_access(ScreenAccess ask) override;
  Task<Result<NameDnsbl::Name>> name_dnsbl(NameDnsbl ask) override;
  Task<Result<PassedTests>> recall_client(RecallClient ask) override;
  void note_passed(const NotePassed& note) override;
  Task<Result<Descriptor>> open_body(QueueId id) override;
  void drop_body(QueueId id) override;
  Task<Result<void>> flush(FlushSite ask) override;
  void notify(const PostNotice& notice) override;
  void note(const NoteEvaluation& evaluation) override;
  Task<Result<FindMilters::Found>> find_milters(FindMilters ask) override;
  Task<Result<std::unique_ptr<Stream>>> connect_milter(ConnectMilter ask) override;
  Task<Result<DescribeDestination::Place>> describe(DescribeDestination ask) override;
  Task<Result<std::unique_ptr<Stream>>> connect(ServerRef to, std::string service,
                                                Duration timeout) override;
  Task<Result<void>> submit(Submit message) override;
  Task<Result<Deliver::Fates>> deliver(Deliver message) override;

 private:
  struct Kept {
    SteadyTime until;
    CheckRecipient::Verdict verdict;
    std::list<const std::string*>::iterator position;
  };
  struct Spare {
    std::uint64_t bytes = 0;
    SteadyTime until;
  };
  Task<Result<std::unique_ptr<Stream>>> connect_to_socket(std::string service);
  template <class Request>
  Task<Result<CheckRecipient::Verdict>> ask(Request request);
  void keep(std::string key, const CheckRecipient::Verdict& verdict);
  void forget_oldest();
  Loop& loop_;
  Port& lookup_;
  Port& queue_;
  Resolver* resolver_;
  std::size_t cache_entries_;
  std::unordered_map<std::string, Kept> cache_;
  std::list<const std::string*> by_age_;
  std::unordered_map<std::string, Spare> spare_;  // by recipient
};

}  // namespace pennypost::smtp
