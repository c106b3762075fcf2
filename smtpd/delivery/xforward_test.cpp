#include "smtpd/delivery/xforward.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

TEST_CASE("a next hop is told of the client what it offered to hear, in lines that it can take") {
  Envelope envelope;
  envelope.id = QueueId("4Zk2Qn1");
  envelope.client_name = "spike.example.org";
  envelope.client_address = "2001:db8::7";
  envelope.helo = "a b";
  envelope.protocol = "ESMTPS";
  const std::vector<std::string> all{"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"};
  CHECK(xforward_commands(envelope, all) ==
        std::vector<std::string>{"XFORWARD NAME=spike.example.org ADDR=IPV6:2001:db8::7 "
                                 "PROTO=ESMTP HELO=a+20b IDENT=4Zk2Qn1 SOURCE=REMOTE"});
  envelope.client_name = "unknown";
  envelope.is_local = true;
  CHECK(xforward_commands(envelope, {"SOURCE", "NAME"}) ==
        std::vector<std::string>{"XFORWARD NAME=[UNAVAILABLE] SOURCE=LOCAL"});
  CHECK(xforward_commands(envelope, {"PORT"}).empty());

  envelope.client_name = std::string(300, 'n');
  envelope.helo = std::string(300, ' ');
  auto commands = xforward_commands(envelope, all);
  CHECK(commands.size() > 1);
  for (std::size_t i = 0; i + 1 < commands.size(); ++i) CHECK(commands[i].starts_with("XFORWARD "));
  CHECK(commands[0].find("NAME=" + std::string(255, 'n') + " ") != std::string::npos);
}
