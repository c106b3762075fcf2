// Serves one SMTP or LMTP client, from the greeting to QUIT.
//
// serve() follows the dialogue: greeting, then commands until QUIT. The command table says what
// each verb requires before its handler is called. Replies to pipelined commands are gathered and
// sent together when no input is left. A transaction is one object, which RSET destroys.
//
// Only CRLF.CRLF ends DATA. Anything that a client sends in plain text after STARTTLS is discarded.
// A recipient is accepted only if the lookup process permits it; `250 … queued as` is sent only
// after the queue has the message on disk.
//
// STANDARDS  RFC 5321 (SMTP), RFC 6409 and 8314 (submission), RFC 1870 (SIZE), RFC 2034 (enhanced
//            status codes), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS),
//            RFC 3461 (DSN), RFC 4954 (AUTH), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8),
//            RFC 2033 (LMTP: lmtp.cpp)
// SEE ALSO   service_context.h (what sessions share), data_scanner.h, backend.h, filter.h
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/notify_classes.h"
#include "common/log/log.h"
#include "common/mail/esmtp.h"
#include "common/mail/fixups.h"
#include "common/net/connection.h"
#include "common/net/session_list.h"
#include "common/session/error_limits.h"
#include "common/session/guest_list.h"
#include "common/session/sasl_offer.h"
#include "common/session/security.h"
#include "common/session/transcript.h"
#include "common/tls/tls_stream.h"
#include "smtpd/inbound/body.h"
#include "smtpd/inbound/filter.h"
#include "smtpd/inbound/forwarded.h"
#include "smtpd/inbound/proxy_mail.h"
#include "smtpd/inbound/screen.h"
#include "smtpd/inbound/service_context.h"
#include "smtpd/milter/milters.h"
#include "smtpd/queue/header_draft.h"

namespace pennypost::smtp {

class Session final : public Guest {
 public:
  /// `place`: the connection's entry in the counts, if the client was known when it was accepted.
  Session(std::shared_ptr<const ServiceContext> context, std::unique_ptr<Stream> stream,
          Endpoint peer, Endpoint local, ConnectionCounts::Place place = {});

  /// Runs from the greeting to the end of the connection. Throws nothing. The caller calls end()
  /// after it, or when it destroys the task before its end.
  Task<> serve();
  void end();
  /// Whether the client has neither logged in nor begun a transaction.
  bool is_stranger() const override { return !login_ && !has_begun_mail_; }
  /// From now on the session is in `list`, which outlives it, while its client is logged in.
  void be_listed_in(SessionList& list) { list_ = &list; }
  void say_no_room() override;
  /// The process is about to end: an idle client is told so now, others after their message.
  void drain();
  /// The process ends now: sends the client a 421, whatever it is doing.
  void break_off();
  bool is_idle() const { return is_waiting_ && !transaction_; }

  /// One row of the command table.
  struct Command {
    std::string_view name;
    unsigned needs;         // a set of Needs
    bool last_in_pipeline;  // RFC 2920 section 3.1: nothing may be sent after it
    bool is_junk;           // counts towards smtpd_junk_command_limit
    std::string_view rfc;
    Task<Reply> (Session::*handler)(std::string_view arguments);
  };
  static std::span<const Command> commands();

 private:
  enum Needs : unsigned {
    NeedsNothing = 0,
    NeedsTls = 1,    // if smtpd_tls_security_level = encrypt
    NeedsHello = 2,  // if smtpd_helo_required
    NeedsLogin = 4,  // if smtpd_sasl_auth_required
    OnlyInSmtp = 8,
    OnlyInLmtp = 16,
  };
  struct Transaction {
    Transaction(QueueId queue_id, std::int64_t now, MailCommand command)
        : id(std::move(queue_id)), arrival(now), mail(std::move(command)) {}
    QueueId id;
    std::int64_t arrival;  // microseconds since 1970
    MailCommand mail;
    std::string sender;  // with its domain completed, changed by filters and canonical maps
    std::vector<Recipient> recipients;
    std::size_t accepted = 0;            // RCPT commands, including those that repeat a recipient
    std::uint64_t recipients_max = 0;    // by the outgoing_... limits of the user
    std::set<std::string> with_quota;    // of the recipients, those whose mailbox has a quota
    std::vector<std::uint32_t> awaited;  // LMTP: the recipient of each of these, who gets a reply
    std::vector<std::string> prepend;
    std::string redirect;          // REDIRECT: replaces all recipients
    std::vector<std::string> bcc;  // BCC: further recipients
    std::string filter;            // content_filter, or FILTER's
    PolicyReply deferral;          // defer_if_permit of smtpd_sender_restrictions
    bool discard = false;
    bool hold = false;
    bool junk = false;  // a filter wants it in junk_mailbox
    // Why the content is refused, if that is known before its end. With BDAT, the transaction then
    // lasts until RSET or the last chunk.
    std::optional<Reply> refusal;
    std::unique_ptr<Body> body;
    std::unique_ptr<DataScanner> scanner;
    HeaderFacts facts;                  // of the received header
    std::optional<HeaderDraft> header;  // once the header is complete
    std::optional<FilteredMessage> filtered;
    std::unique_ptr<ProxyMail> proxied;  // smtpd_proxy_filter, if it answers each command
  };
  struct Identity {
    std::string mechanism;
    std::string name;
  };

  // The dialogue.
  Task<> converse();
  Task<bool> meet_proxy();
  Task<Reply> greet();
  Task<Reply> welcome();
  void learn_rights();
  Task<> find_client_name();
  Task<bool> is_too_often(CountClient::Event event, Limit limit, std::string_view what);
  CountClient event(CountClient::Event kind) const;
  Task<Reply> next_reply();
  SteadyTime line_deadline() const;
  Task<Reply> dispatch(std::string_view line);
  std::optional<Reply> refusal(const Command& command) const;
  bool is_of_protocol(const Command& command) const;
  std::string_view protocol() const;
  Task<> send(Reply reply);
  Task<> add_footer(Reply& reply);
  std::string footer_value(std::string_view name) const;

  // Strangers that are tested, or have failed (screened.cpp).
  Task<bool> screen();
  Reply greet_screened() const;
  std::optional<Reply> screen_line(const Line& line);
  std::optional<Reply> screen_command(std::string_view verb, std::string_view line,
                                      const Command* command);
  std::optional<Reply> answer_screened(const Command* command, std::string_view arguments);

  // The handlers, in the order of the table.
  Task<Reply> auth(std::string_view arguments);
  Task<Reply> bdat(std::string_view arguments);
  Task<Reply> data(std::string_view arguments);
  Task<Reply> ehlo(std::string_view arguments);
  Task<Reply> etrn(std::string_view arguments);
  Task<Reply> helo(std::string_view arguments);
  Task<Reply> help(std::string_view arguments);
  Task<Reply> lhlo(std::string_view arguments);
  Task<Reply> mail(std::string_view arguments);
  Task<Reply> noop(std::string_view arguments);
  Task<Reply> quit(std::string_view arguments);
  Task<Reply> rcpt(std::string_view arguments);
  Task<Reply> rset(std::string_view arguments);
  Task<Reply> starttls(std::string_view arguments);
  Task<Reply> vrfy(std::string_view arguments);
  Task<Reply> xclient(std::string_view arguments);
  Task<Reply> xforward(std::string_view arguments);

  // EHLO and AUTH.
  Task<Reply> hello(std::string name, bool is_extended);
  std::string extensions() const;
  Task<> learn_offer();
  SaslOffer offer() const;
  std::string external_identity() const;
  Security security() const;
  bool offers_auth() const;
  std::optional<Reply> auth_refusal(std::string_view mechanism) const;
  Task<Reply> exchange(store::AuthStep step);
  Task<Result<std::string>> auth_response(std::string_view challenge);
  Task<> secure();
  void learn_certificate();

  // MAIL and RCPT.
  std::optional<Reply> refusal(const MailCommand& command) const;
  bool is_like_option(const MailAddress& address) const;
  Task<Result<std::uint64_t>> ask_about_user();
  Error too_much_mail() const;
  Task<std::optional<Reply>> check_recipient(const RcptCommand& command,
                                             std::string_view arguments);
  Task<std::optional<Reply>> ask_for_room(std::string recipient, std::uint64_t bytes);
  Task<Reply> take_recipient(RcptCommand command);
  CheckRecipient about() const;
  SessionFacts facts() const;
  const PolicyReply& deferral() const;
  Task<> pause(Duration time);
  Task<Result<CheckRecipient::Verdict>> ask_about(const std::string& recipient);
  Task<std::optional<Reply>> check(std::string_view parameter, bool is_wanted);
  std::optional<Reply> apply(const CheckRecipient::Verdict& verdict, std::string_view recipient);
  void log_refusal(std::string_view action, Reply reply,
                   std::optional<std::string_view> recipient) const;
  void log_action(std::string_view action, std::string_view text,
                  std::optional<std::string_view> recipient) const;
  LogTransaction log_origin() const;
  Task<std::optional<Reply>> ask_filters(FilterChain::Question question,
                                         std::string_view recipient = {});
  std::optional<Reply> apply(const FilterAnswer& answer);

  // Milters; all but the first are for sessions that have some.
  Task<std::optional<Reply>> meet_milters();
  Task<Result<std::unique_ptr<Stream>>> connect_milter(std::uint32_t number);
  std::optional<Reply> hang_up_reply(const MilterAnswer& answer);
  std::optional<Reply> apply(const MilterAnswer& answer, std::optional<std::string_view> recipient);
  Task<std::optional<Reply>> tell_milters_helo(std::string name);
  Task<std::optional<Reply>> tell_milters_mail(std::string_view arguments);
  Task<std::optional<Reply>> tell_milters_rcpt(const MailAddress& address,
                                               std::string_view arguments,
                                               std::optional<Reply> refusal);
  Task<std::optional<Reply>> tell_milters_data();
  Task<std::optional<Reply>> tell_milters_unknown(std::string verb);
  Task<std::optional<Reply>> show_milters();
  Task<> describe_to_milters(std::string address, const std::string& macros,
                             DescribeDestination::Place& into);
  std::optional<std::string> milter_macro(std::string_view name) const;

  // DATA and BDAT.
  Task<std::optional<Reply>> check_data();
  void begin_content(DataScanner::Ends ends);
  Task<> receive_content();
  Task<> receive_chunk(std::uint64_t bytes);
  Task<Reply> refuse_chunk(std::string_view arguments, Reply refusal);
  Task<Reply> skip_chunk(std::uint64_t bytes, Reply refusal);
  Task<> take_out_of_memory();
  Task<> show_filters(bool is_whole);
  std::optional<Reply> fault_reply() const;
  Task<Reply> finish_message();
  Task<std::optional<Reply>> check_content();
  Task<std::optional<Reply>> end_filters();
  Task<std::optional<Reply>> check_room();
  std::optional<Reply> start_header();
  const Completion* header_completion() const;
  Task<std::optional<Reply>> rewrite_addresses();
  void redirect_message();
  Task<Reply> commit();

  // LMTP.
  Task<Reply> deliver(Submit message);

  // smtpd_proxy_filter (proxied.cpp).
  bool asks_filter_early() const;
  Task<Reply> ask_proxy(const Recipient& recipient);
  Task<std::optional<Reply>> ask_proxy_for_data();
  Task<Reply> pass_to_filter(Submit message);

  std::string fields_to_prepend();
  std::string fields_on_top();
  ReceivedCertificate received_certificate() const;
  std::string received(const Transaction& transaction) const;
  std::vector<Edit> submission_fixes(std::string_view header) const;
  HeaderFacts complete_header();
  Envelope envelope();
  Envelope origin() const;
  void forward_origin(Envelope& envelope) const;
  LogOrigin log_forwarded() const;
  FilteredMessage::Parts filtered_parts();
  void end_transaction();

  LogPeer log_peer() const { return {client_name_, client_address_, context_->log_component()}; }
  std::string peer_text() const { return client_name_ + "[" + client_address_ + "]"; }
  std::string counts() const;
  bool has_input_too_early(const Command& command);
  void say_goodbye(std::string_view status, std::string_view text);

  // What postmaster may be told.
  void put(std::string_view wire);
  void note_command(std::string_view line);
  void show_command(std::string_view line);
  TracedSession traced() const;
  void list_login();
  void note_error(const Reply& reply);
  void tell_postmaster(std::string_view reason) const;

  std::shared_ptr<const ServiceContext> context_;
  const Settings& settings_;
  Connection connection_;
  SessionTrace trace_;
  SessionList* list_ = nullptr;  // null: nobody asks who is logged in
  SessionList::Stay listed_;
  Endpoint peer_;
  Endpoint local_;
  std::string client_address_;
  std::string client_name_ = "unknown";
  std::string reverse_name_ = "unknown";
  bool is_name_lookup_failed_ = false;
  bool is_in_mynetworks_;
  std::unique_ptr<Screen> screen_;  // null: not tested, or no longer
  bool is_screened_out_ = false;    // it has failed a test: all its recipients are refused
  bool may_relay_ = false;
  bool may_verp_ = false;                 // may use XVERP in MAIL
  bool may_xclient_ = false;              // may use XCLIENT
  bool may_xforward_ = false;             // may use XFORWARD
  bool has_address_ = true;               // false: XCLIENT said that it has none
  std::unique_ptr<Forwarded> forwarded_;  // null: XFORWARD was not used
  std::string etrn_domain_;
  std::string footer_recipient_;                    // of the last RCPT, if there are footers
  PolicyReply client_deferral_;                     // defer_if_permit of smtpd_client_restrictions
  PolicyReply helo_deferral_;                       // and of smtpd_helo_restrictions
  TlsStream* tls_ = nullptr;                        // the connection's stream, once it is encrypted
  std::unique_ptr<ClientCertificate> certificate_;  // null: none was asked for, or shown
  bool is_untrusted_ = false;  // smtpd_tls_req_ccert is set, and the certificate is not trusted
  std::string helo_;
  bool is_extended_ = false;
  bool scram_serves_all_ = false;
  std::optional<Identity> login_;
  std::optional<Transaction> transaction_;
  FilterChain filters_;
  std::unique_ptr<Milters> milters_;  // null: there are none
  /// What they are told of sender and recipient.
  struct MilterFacts {
    DescribeDestination::Place sender;
    std::string recipient;
    DescribeDestination::Place place;  // of the recipient
    std::string refusal;               // status and text, if it is refused already
  };
  std::unique_ptr<MilterFacts> milter_facts_;  // null: there are no milters
  ErrorCount errors_;
  std::unique_ptr<Transcript> transcript_;  // null: notify_classes names no error of a session
  ErrorClasses seen_;                       // the errors that it has replied with
  std::string_view stage_ = "CONNECT";      // for `lost connection after`
  bool has_sent_early_ = false;
  bool has_begun_mail_ = false;  // a MAIL command was accepted
  ConnectionCounts::Place place_;
  SteadyTime first_mail_by_;  // smtpd_first_mail_timeout; max() once mail has begun
  bool is_waiting_ = false;
  bool is_draining_ = false;

  struct Count {
    unsigned done = 0;
    unsigned all = 0;
  };
  static constexpr std::size_t command_count = 17;
  std::array<Count, command_count + 1> counts_{};  // the last is for unknown commands
};

}  // namespace pennypost::smtp
