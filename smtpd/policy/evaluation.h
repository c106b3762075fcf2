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

#include "smtpd/policy/evaluate.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

/// What a refusal is about; its text begins with this.
enum class Subject { Client, Helo, Sender, Recipient, Data, EndOfData };

/// The result of an item or a list.
enum class Answer { Undecided, Permit, Refuse };

class Evaluation {
 public:
  Evaluation(const CheckRecipient& request, const Settings& settings, PolicyTables& tables)
      : request_(request), settings_(settings), tables_(tables) {
    verdict_.status = "2.1.5";
    verdict_.text = "Ok";
    verdict_.may_relay = request.may_relay;
  }

  Verdict recipient();
  Verdict restrictions(std::string_view parameter);

 private:
  using Item = Answer (Evaluation::*)(const Restriction&);
  /// The stage of the dialogue from which on a restriction can be evaluated.
  enum class Stage { Client, Helo, Sender, Recipient };
  struct Row {
    std::string_view name;
    Stage stage;
    Item item;
  };
  static const Row* find_row(std::string_view name);

  Answer list(Subject subject, const std::vector<Restriction>& restrictions);
  Answer items(const std::vector<Restriction>& restrictions);
  bool is_known(Stage stage) const;
  Verdict finish(Answer answer);

  // Refusals. `text` follows the subject: `<bob@example.org>: Recipient address rejected: text`.
  Answer refuse(int code, std::string_view status, std::string text);
  Answer refuse_about(Subject subject, int code, std::string_view status, std::string_view text);
  Answer look_up_failed(Subject subject);
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
  Answer act(Subject subject, const std::string& value);
  Answer unlisted(Subject subject, const std::string& text);
  Answer unknown_user(Subject subject, DomainClass domain_class);
  Answer full_mailbox();
  Answer unknown_domain(Subject subject, const std::string& text);
  Answer non_fqdn_address(Subject subject, const std::string& text);
  Answer block_list(std::string_view name, const std::string& zone, const std::string& shown);
  /// Whether this login may use the sender; nothing if the sender is in no table.
  Result<std::optional<bool>> owns_sender();
  store::Parents parents() const;
  std::vector<store::LookupKey> mail_keys(const std::string& text) const;

  const CheckRecipient& request_;
  const Settings& settings_;
  PolicyTables& tables_;
  Verdict verdict_;
  Subject subject_ = Subject::Recipient;
  int depth_ = 0;
  Stage stage_ = Stage::Recipient;
  bool warn_next_ = false;  // warn_if_reject applies to the next item
  bool warn_only_ = false;  // a refusal only becomes a log line
  std::string defer_if_permit_;
  std::string defer_if_reject_;
};

/// Parses an address that the session has already accepted.
MailAddress parsed(const std::string& text);

}  // namespace pennypost::smtp
