/** Names under which `app.module.ts` provides what controllers use. */
export const planeToken = Symbol('ControlPlane');
export const intakeToken = Symbol('Intake');
export const readinessToken = Symbol('Readiness');
export const localAuthorityToken = Symbol('LocalAuthority');
export const documentsToken = Symbol('Documents');
