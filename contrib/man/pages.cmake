# Makes the manual pages at build time: of the heads of the programs' sources (page.awk), and of the rows of the settings.
set(pages)

# pennypost_page(NAME SECTION SOURCE [OTHER NAMES...])
function(pennypost_page name section source)
  set(file ${CMAKE_BINARY_DIR}/man/${name}.${section}.gz)
  add_custom_command(OUTPUT ${file}
    DEPENDS ${CMAKE_SOURCE_DIR}/${source} ${CMAKE_SOURCE_DIR}/contrib/man/page.awk
    COMMAND awk -f ${CMAKE_SOURCE_DIR}/contrib/man/page.awk -v page=${name} -v section=${section}
      -v version=${PROJECT_VERSION} ${CMAKE_SOURCE_DIR}/${source} | gzip -9nc > ${file})
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  foreach(other ${ARGN})
    file(CREATE_LINK ${name}.${section}.gz ${CMAKE_BINARY_DIR}/man/${other}.${section}.gz SYMBOLIC)
    install(FILES ${CMAKE_BINARY_DIR}/man/${other}.${section}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  set(pages ${pages} ${file} PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
pennypost_page(smtpd 8 smtpd/main.cpp)
pennypost_page(popd 8 popd/main.cpp)
pennypost_page(imapd 8 imapd/main.cpp)
pennypost_page(pennypost 8 smtpd/commands/service.h)
pennypost_page(pennypost-user 8 smtpd/commands/user.cpp)
pennypost_page(pennypost-doctor 8 smtpd/commands/doctor.h)
pennypost_page(pennypost-domain 8 smtpd/commands/hosted_domains.cpp)
pennypost_page(pennypost-migrate 8 smtpd/commands/migrate.cpp)
pennypost_page(pennypost-queue 8 smtpd/commands/queue_shape.h)
pennypost_page(pennypost-route 8 smtpd/commands/route.h)
pennypost_page(pennypost-setup 8 smtpd/commands/setup.h)
pennypost_page(pennypost-throttle 8 smtpd/commands/throttle.cpp)
pennypost_page(pennypost-where 8 smtpd/commands/where.h)
pennypost_page(sendmail 1 smtpd/commands/sendmail.cpp)
pennypost_page(postdrop 1 smtpd/commands/postdrop_main.cpp)
pennypost_page(newaliases 1 smtpd/commands/newaliases.cpp)
pennypost_page(postmap 1 smtpd/commands/postmap.cpp postalias)
pennypost_page(postconf 1 smtpd/commands/postconf.cpp)
pennypost_page(postqueue 1 smtpd/commands/postqueue.h mailq)
pennypost_page(postsuper 1 smtpd/commands/postsuper.h)
pennypost_page(postcat 1 smtpd/commands/postcat.h)
pennypost_page(postfix 1 smtpd/commands/peer_names.h postlog)

set(settings_page ${CMAKE_BINARY_DIR}/man/parameters.5.gz)
add_custom_command(OUTPUT ${settings_page} DEPENDS pennypost
  COMMAND ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/postconf --manual | gzip -9nc > ${settings_page})
install(FILES ${settings_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)

add_custom_target(manual_pages ALL DEPENDS ${pages} ${settings_page})
