// Evaluates restriction lists for one request; used inside policy only.
//
// Each row of restrictions.def is evaluated by the member function of its name: a row without its
// function does not link, and a function without its row does not compile.
//
// SEE ALSO   ../../common/config/restrictions.def (the table), evaluate.h (the public side),
//            access.h (keys and actions)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/policy/access.h"
#include "smtpd/policy/evaluate.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

/// What a refusal is about; its text begins with this.
enum class Subject {
  Client,
  ReverseClient,
  Login,
  Helo,
  Sender,
  Recipient,
  Data,
  EndOfData,
  Etrn,
  Certificate
};

/// The result of an item or a list.
enum class Answer { Undecided, Permit, Refuse };

class Evaluation {
 public:
  Evaluation(const CheckRecipient& request, const Settings& settings, PolicyTables& tables)
      : request_(request), settings_(settings), tables_(tables) {
    verdict_.status = "2.1.5";
    verdict_.text = "Ok";
    verdict_.may_relay = request.may_relay;
    verdict_.deferral = request.deferral;
  }

  Verdict recipient();
  Verdict restrictions(std::string_view parameter);

 private:
  using Item = Answer (Evaluation::*)(const Restriction&);
  /// The stage of the dialogue from which on a restriction can be evaluated.
  enum class Stage { Client, Helo, Sender, Recipient, Etrn };
  struct Row {
    std::string_view name;
    Stage stage;
    Item item;
  };
  static const Row* find_row(std::string_view name);

  Answer early_lists();
  Answer recipient_lists();
  Answer sender_list();
  Answer list(Subject subject, const std::vector<Restriction>& restrictions);
  Answer items(const std::vector<Restriction>& restrictions);
  Answer nested(const std::vector<Restriction>& restrictions);
  void explain(const Restriction& restriction, Answer answer) const;
  bool is_known(Stage stage) const;
  Answer deferred(Answer answer);

  // Refusals. `text` follows the subject: `<bob@example.org>: Recipient address rejected: text`.
  Answer refuse(int code, std::string_view status, std::string text);
  Answer refuse_about(Subject subject, int code, std::string_view status, std::string_view text);
  /// What could refuse could not be asked: refused temporarily unless something else refuses for
  /// good; `action` is reject_tempfail_action or its kin.
  Answer refuse_later(std::string_view action, int code, std::string_view status, std::string text);
  void defer_unless_permitted(int code, std::string_view status, std::string text);
  Answer look_up_failed(Subject subject);
  Answer misconfigured(std::string problem);
  void note(std::string_view action, std::string text);
  struct SubjectWords {
    std::string name;       // what it is about: an address, a name
    std::string_view kind;  // `Client host`
  };
  SubjectWords words_of(Subject subject) const;
  std::string about(Subject subject) const;

  // The restrictions, each by a function of its own name.
#define RESTRICTION(name, argument, stage, meaning) Answer name(const Restriction& restriction);
#include "common/config/restrictions.def"

  // What the restrictions share.
  enum class Destination { Ours, Foreign, Unknown };
  Destination destination();
  Result<bool> is_in_table(std::string_view reference);
  bool hides_destination(const MailAddress& address) const;
  MailAddress completed(const std::string& text) const;
  Answer access(Subject subject, const Restriction& restriction,
                const std::vector<store::LookupKey>& keys);
  Answer server_access(Subject subject, ServerKind kind, const std::string& domain,
                       const Restriction& restriction);
  Answer no_permission(const Restriction& restriction, const std::string& name, Answer answer);
  Answer act(Subject subject, const std::string& value);
  Answer act_on_message(Subject subject, const AccessAction& action);
  Answer act_by_list(Subject subject, const AccessAction& action);
  Answer invalid_helo();
  Answer unknown_client(std::string_view status, const char* what);
  Answer unlisted(Subject subject, const std::string& text);
  Answer unknown_user(Subject subject, DomainClass domain_class);
  Answer full_mailbox();
  Answer etrn();
  Answer unknown_domain(Subject subject, const std::string& text);
  bool is_probe_sender(const std::string& text) const;
  Answer unverified(Subject subject, const std::string& text);
  Answer non_fqdn_address(Subject subject, const std::string& text);
  /// Which DNS list holds what: see block_lists.cpp.
  enum class Listed { Yes, No, Unknown };
  Listed listed(std::string_view name, std::string_view list);
  std::string reversed_address() const;
  Answer block_list(Subject subject, std::string_view name, const std::string& shown,
                    const std::string& list);
  Answer good_list(std::string_view name, const std::string& list);
  bool is_mail_host(const std::vector<ServerHost>& hosts);
  bool are_in_networks(const std::vector<ServerHost>& hosts);
  /// Nothing when the sender belongs to nobody; else whether this login may use it.
  Result<std::optional<bool>> owns_sender();
  Result<std::optional<bool>> owns_sender_by_account();
  Answer not_owned(bool may_be_nobodys);
  Answer not_logged_in();
  store::Parents parents() const;
  std::vector<store::LookupKey> mail_keys(const std::string& text) const;

  const CheckRecipient& request_;
  const Settings& settings_;
  PolicyTables& tables_;
  Verdict verdict_;
  Subject subject_ = Subject::Recipient;  // of the items, which an access table may have named
  Subject list_ = Subject::Recipient;     // of the list
  int depth_ = 0;
  Stage stage_ = Stage::Recipient;
  bool warn_next_ = false;                       // warn_if_reject: for the next item
  bool warn_only_ = false;                       // a refusal is a log line
  std::uint32_t sleeps_ = 0;                     // how many were met
  bool is_paused_ = false;                       // at one that is not over
  std::string_view source_ = "an access table";  // whose action is carried out
  PolicyReply defer_if_reject_;
};

/// Parses an address that the session has already accepted.
MailAddress parsed(const std::string& text);
/// The domain of an address, in lower case; empty where it has none.
std::string domain_of(const std::string& address);

}  // namespace pennypost::smtp
