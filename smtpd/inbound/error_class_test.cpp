#include "smtpd/inbound/error_class.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("each refusal is of the class that Postfix gives it") {
  struct Row {
    int code;
    const char* status;
    const char* stage;
    bool is_of_policy;
    std::optional<ErrorClass> expected;
  };
  for (const Row& row : {
           Row{554, "5.7.1", "RCPT", true, ErrorClass::Policy},
           Row{450, "4.7.25", "RCPT", true, ErrorClass::Policy},
           Row{504, "5.5.2", "HELO", true, ErrorClass::Policy},
           Row{450, "4.1.8", "RCPT", true, ErrorClass::Policy},
           Row{535, "5.7.8", "AUTH", false, ErrorClass::Policy},
           Row{552, "5.3.4", "MAIL", false, ErrorClass::Policy},
           Row{552, "5.3.4", "END-OF-MESSAGE", false, ErrorClass::Bounce},
           Row{550, "5.1.1", "RCPT", true, ErrorClass::Bounce},
           Row{554, "5.4.6", "END-OF-MESSAGE", false, ErrorClass::Bounce},
           Row{503, "5.5.1", "MAIL", false, ErrorClass::Protocol},
           Row{500, "5.5.2", "UNKNOWN", false, ErrorClass::Protocol},
           Row{501, "5.1.7", "MAIL", false, ErrorClass::Protocol},
           Row{501, "", "EHLO", false, ErrorClass::Protocol},
           Row{451, "4.3.0", "RCPT", true, ErrorClass::Data},
           Row{451, "4.3.0", "END-OF-MESSAGE", false, ErrorClass::Resource},
           Row{452, "4.3.1", "END-OF-MESSAGE", false, ErrorClass::Resource},
           Row{451, "4.3.5", "RCPT", true, ErrorClass::Software},
           Row{421, "4.3.2", "NOOP", false, std::nullopt},
       }) {
    CAPTURE(row.code);
    CAPTURE(row.status);
    CAPTURE(row.stage);
    Reply reply(row.code, row.status, "no");
    if (row.is_of_policy) reply.mark_as_policy();
    CHECK((class_of(reply, row.stage) == row.expected));
  }
}
