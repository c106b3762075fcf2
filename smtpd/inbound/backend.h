// What a session asks of other processes and DNS; unit tests answer in memory.
//
// SEE ALSO   port_backend.h (the processes), ../policy/messages.h, ../routing/messages.h,
//            ../queue/messages.h (the requests), ../../store/login/auth.h
#pragma once

#include <memory>
#include <string>

#include "common/async/task.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/config/server_ref.h"
#include "common/net/address.h"
#include "common/net/stream.h"
#include "smtpd/delivery/room_messages.h"
#include "smtpd/milter/messages.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/policy/messages.h"
#include "smtpd/policy/outgoing_messages.h"
#include "smtpd/policy/report_messages.h"
#include "smtpd/policy/screen_messages.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/screen_messages.h"
#include "smtpd/routing/messages.h"

namespace pennypost::smtp {

/// A client's name in DNS.
class ClientName {
 public:
  /// DNS was asked in vain, or not at all; PTR may have answered.
  explicit ClientName(bool is_lookup_failed, std::string reverse = "unknown")
      : reverse_(std::move(reverse)), is_lookup_failed_(is_lookup_failed) {}
  /// `name`: the PTR name, if its addresses include the client's; `reverse`: the PTR name,
  /// unverified. `unknown` if there is none.
  ClientName(std::string name, std::string reverse)
      : name_(std::move(name)), reverse_(std::move(reverse)) {}

  const std::string& name() const { return name_; }
  const std::string& reverse() const { return reverse_; }
  bool is_lookup_failed() const { return is_lookup_failed_; }

 private:
  std::string name_ = "unknown";
  std::string reverse_ = "unknown";
  bool is_lookup_failed_ = false;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Task<ClientName> client_name(IpAddress address) = 0;
  /// Errors are temporary: the lookup process can't be asked.
  virtual Task<Result<CheckRecipient::Verdict>> check_recipient(CheckRecipient request) = 0;
  virtual Task<Result<CheckRecipient::Verdict>> check_restrictions(CheckRestrictions request) = 0;
  /// Only asked where there are smtpd_reject_footer_maps.
  virtual Task<Result<FindFooter::Footer>> footer(FindFooter ask) = 0;
  /// Only called if there are canonical maps.
  virtual Task<Result<Canonicalize::Rewritten>> canonicalize(Canonicalize ask) = 0;
  /// Only called if there are header_checks or body_checks. Error 4xx: a table can't be looked up
  /// now.
  virtual Task<Result<CheckContent::Findings>> check_content(CheckContent ask) = 0;
  /// Counts an event of a client and returns how many there were lately; only called if a limit is
  /// set.
  virtual Task<Result<CountClient::Counts>> count(CountClient event) = 0;
  /// Only asked about users who have logged in.
  virtual Task<Result<CheckSubmitter::Answer>> check_submitter(CheckSubmitter ask) = 0;
  /// Only asked about recipients whose verdict says has_quota. Error: it can't be found out.
  virtual Task<Result<Fate>> room(AskRoom ask) = 0;
  /// Only asked if there is an outgoing_... limit.
  virtual Task<Result<AskAllowance::Allowance>> allowance(AskAllowance ask) = 0;
  /// The following are only asked where strangers are tested: this if postscreen_access_list has
  /// tables.
  virtual Task<Result<ScreenAccess::Verdict>> screen_access(ScreenAccess ask) = 0;
  /// Only asked if there is a postscreen_dnsbl_reply_map.
  virtual Task<Result<NameDnsbl::Name>> name_dnsbl(NameDnsbl ask) = 0;
  virtual Task<Result<PassedTests>> recall_client(RecallClient ask) = 0;
  /// Posted, without waiting for an answer.
  virtual void note_passed(const NotePassed& note) = 0;
  /// Creates an empty file for a large body.
  virtual Task<Result<Descriptor>> open_body(QueueId id) = 0;
  /// Gives up that file, since the message will not be submitted. No effect once the queue has the
  /// message.
  virtual void drop_body(QueueId id) = 0;
  /// ETRN: a domain's waiting mail is to be sent now.
  virtual Task<Result<void>> flush(FlushSite ask) = 0;
  /// Tells postmaster of a session with an error. Posted, without waiting for an answer.
  virtual void notify(const PostNotice& notice) = 0;
  /// Keeps what DMARC has said of a message for the next report. Posted; only called if
  /// dmarc_reports is on.
  virtual void note(const NoteEvaluation& evaluation) = 0;
  /// Only asked where there are smtpd_milter_maps.
  virtual Task<Result<FindMilters::Found>> find_milters(FindMilters ask) = 0;
  virtual Task<Result<std::unique_ptr<Stream>>> connect_milter(ConnectMilter ask) = 0;
  virtual Task<Result<DescribeDestination::Place>> describe(DescribeDestination ask) = 0;
  /// Connects to smtpd_proxy_filter of a service. Errors are temporary.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(ServerRef to, std::string service,
                                                        Duration timeout) = 0;
  /// When it returns without Error, the message survives a power cut.
  virtual Task<Result<void>> submit(Submit message) = 0;
  /// LMTP: submits it and returns after the attempt to deliver it, with the fate of each recipient.
  virtual Task<Result<Deliver::Fates>> deliver(Deliver message) = 0;
};

}  // namespace pennypost::smtp
